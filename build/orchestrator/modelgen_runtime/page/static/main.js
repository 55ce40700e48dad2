/** The page: views by the address, the connection, and the key. */

import { showAbout } from "./about.js";
import { Activity } from "./activity.js";
import { ask } from "./api.js";
import { Chat } from "./chat.js";
import { showModel } from "./details.js";
import { byId, el, notify, say } from "./dom.js";
import { askForKey } from "./keys.js";
import { Log } from "./log.js";
import { Models } from "./models.js";
import { Plan } from "./plan.js";
import { Store } from "./store.js";
import { duration } from "./text.js";
import { Timeline } from "./timeline.js";

const store = new Store();
/** Show a model. The event of a state may be here before what the status says about it. */
async function openModel(id, stay) {
  const { state, failure, ready } = store.models.get(id) ?? {};
  if ((state === "failed" && !failure) || (state === "ready" && ready === null)) await store.refresh().catch(() => {});
  if (store.models.has(id)) showModel(store.models.get(id), stay);
  else notify(`${id} is not in models.toml any more`);
}
const timeline = new Timeline(store, (stay) => openModel(stay.model, stay));
new Models(store, new Plan(store, timeline), openModel);
const chat = new Chat(store);
const log = new Log(store);
const activity = new Activity();
let isUser = false;

/** Show the view that the address names. */
function route() {
  const [wanted, model] = location.hash.slice(1).split("/");
  const views = [...document.querySelectorAll("nav a")]
    .filter((link) => !link.hidden)
    .map((link) => link.hash.slice(1));
  const view = views.includes(wanted) ? wanted : views[0];
  for (const section of document.querySelectorAll(".view")) section.toggleAttribute("hidden", section.id !== view);
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view !== "log") log.hide();
  if (view !== "activity") activity.hide();
  if (!store.status && !isUser) return;
  if (view === "overview") timeline.draw();
  if (view === "log") log.show(model);
  if (view === "activity") activity.show();
  if (view === "try") chat.show(model);
  if (view === "about") showAbout(store.status);
}

const LINKS = {
  connecting: () => "Connecting",
  live: () => "Live",
  polling: () => "A proxy holds back events; asking every 3 s",
  lost: () => `Connection lost ${duration((Date.now() - store.heard) / 1000)} ago; trying again`,
};

function showLink() {
  const { link } = store;
  say(byId("link"), isUser ? "" : LINKS[link]());
  document.documentElement.dataset.link = isUser ? "live" : link;
}

let isShown = false;
store.addEventListener("link", showLink);
store.addEventListener("change", () => {
  const { project, capture } = store.status;
  byId("capture").hidden = !capture;
  say(byId("capture"), `The last ${capture} requests and answers are kept in memory (capture).`);
  if (document.title !== project) {
    document.title = project;
    say(byId("project"), project);
  }
  if (isShown) return;
  isShown = true;
  route();
  for (const text of store.status.warnings) notify(text);
});
setInterval(() => store.link === "lost" && showLink(), 1000);
addEventListener("hashchange", () => {
  route();
  byId("main").focus({ preventScroll: true });
});

/** A key of the role user may use models, and see nothing else. */
async function serveUser() {
  await ask("v1/models");
  isUser = true;
  for (const link of document.querySelectorAll('nav a[data-role="admin"]')) link.toggleAttribute("hidden", true);
  showLink();
  route();
}

async function start() {
  for (;;) {
    try {
      await store.run();
    } catch (error) {
      if (error.code === "wrong_role") return serveUser();
      if (error.status !== 401) {
        byId("notices").replaceChildren(el("p.notice.bad", { role: "alert", text: error.message }));
        return undefined;
      }
      await askForKey();
    }
  }
}

showLink();
route();
start();
