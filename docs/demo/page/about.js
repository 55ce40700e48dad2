/** What runs here. */

import { hasKey } from "./api.js";
import { byId, el, facts } from "./dom.js";
import { duration } from "./text.js";

/** @param {any} status As /status shows it, or null with a user key. */
export function showAbout(status) {
  const rows =
    status === null
      ? [["Key", "of the role user: it uses models, and sees its own requests"]]
      : [
          ["Project", status.project],
          ["Version", `modelgen ${status.version}`],
          ["Running for", duration(status.uptime)],
          ["Manifest", `${status.manifest} (first digits of its SHA-256)`],
          ["Engines run", status.driver === "docker" ? "in containers" : "as processes, by modelgen serve"],
          ["Models", String(status.models.length)],
          ["Queue", `${status.waiting} of at most ${status.queue_limit} requests`],
          ...status.warnings.map((text) => ["Warning", text]),
        ];
  const links = [
    ["openapi.json", "the HTTP API in OpenAPI 3.1"],
    ["metrics", "metrics for Prometheus"],
    ["readyz", "readiness"],
  ];
  byId("about").replaceChildren(
    el(
      "section.panel",
      el("div.panel-head", el("h2", "About")),
      facts(rows),
      el("h3", "For programs"),
      el(
        "ul.plain",
        ...links.map(([path, text]) =>
          el("li", hasKey() ? el("code", `/${path}`) : el("a", { href: path, text: `/${path}` }), ` ${text}`),
        ),
      ),
      el("h3", "On the host"),
      el(
        "ul.plain",
        ...["modelgen status", "modelgen why", "modelgen logs MODEL --follow", "modelgen explain CODE"].map((line) =>
          el("li", el("code", line)),
        ),
      ),
    ),
  );
}
