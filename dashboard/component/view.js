// Draws a tree of plain values: [tag, attributes, children]. Text is set as text; tags, attributes and links come from
// short lists. What is open, focused, selected or scrolled survives an update, since existing elements are kept.

const TAGS = new Set(
  ("a b button caption code dd details div dl dt h1 h2 h3 header input li mark nav ol p pre section small span strong summary " +
    "table tbody td th thead time tr ul").split(" "),
);
const SHAPES = new Set("svg g line path polyline rect circle text".split(" "));
const PLAIN = new Set(
  "class title role placeholder maxlength scope colspan lang dir tabindex viewBox preserveAspectRatio points d x y x1 x2 y1 y2 cx cy r width height".split(" "),
);
const OWN = /^\.\/[a-z]*(\?[\w%&=.,:~+*-]*)?$/;
const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const state = states.get(parentElement) ?? begin(parentElement);
  states.set(parentElement, state);
  state.go = (href) => setTriggerValue("go", href);
  state.every = data.every;
  state.heard = Date.now();
  state.ahead = data.now * 1000 - Date.now();
  state.root.classList.remove("lost");
  patch(state.root, data.tree);
  reveal(state);
  if (data.title) document.title = data.title;
  tick(state);
  state.timer ??= setInterval(() => tick(state), 1000);
  return () => {
    clearInterval(state.timer);
    state.timer = null;
  };
}

// What a click asked for comes into view, also where it stands above the list that was clicked in.
function reveal(state) {
  const detail = state.root.querySelector(".detail");
  const key = detail?.shownKey ?? "";
  if (detail && state.clicked && key !== state.revealed) detail.scrollIntoView({ block: "nearest" });
  state.revealed = key;
}

function begin(parent) {
  const root = document.createElement("div");
  root.className = "view";
  parent.appendChild(root);
  const state = { root, timer: null };
  root.addEventListener("click", (event) => clicked(event, state));
  root.addEventListener("input", (event) => searched(event, state, 350));
  root.addEventListener("keydown", (event) => event.key === "Enter" && searched(event, state, 0));
  return state;
}

function clicked(event, state) {
  const button = event.target.closest("button[data-copy]");
  if (button) {
    navigator.clipboard?.writeText(button.dataset.copy).then(() => {
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 1500);
    });
    return;
  }
  const link = event.target.closest("a[data-own]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (link && plain) {
    event.preventDefault();
    state.clicked = true;
    state.go(link.getAttribute("href"));
  }
}

// A search field is part of the address: typing goes to it a moment later.
function searched(event, state, pause) {
  const field = event.target.closest("input[data-search]");
  if (!field) return;
  clearTimeout(field.typing);
  field.typing = setTimeout(() => {
    field.typing = null;
    const href = field.dataset.search;
    const text = field.value.trim();
    state.go(text ? `${href}${href.includes("?") ? "&" : "?"}q=${encodeURIComponent(text)}` : href);
  }, pause);
}

function patch(parent, children) {
  let place = parent.firstChild;
  for (const child of children) {
    const found = match(place, child);
    const element = found ?? create(child);
    if (element !== place) parent.insertBefore(element, place);
    else place = place.nextSibling;
    update(element, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

// The element that already shows this child: the one in its place, or a later one with the same key.
function match(place, child) {
  if (typeof child === "string") return place?.nodeType === Node.TEXT_NODE ? place : null;
  const [tag, { key = "" }] = child;
  for (let element = place; element; element = element.nextSibling) {
    if (element.localName === tag && (element.shownKey ?? "") === key) return element;
    if (!key) return null;
  }
  return null;
}

function create(child) {
  if (typeof child === "string") return document.createTextNode(child);
  const [tag, attributes] = child;
  if (SHAPES.has(tag)) return document.createElementNS("http://www.w3.org/2000/svg", tag);
  const element = document.createElement(TAGS.has(tag) ? tag : "span");
  element.shownKey = attributes.key;
  if (attributes.open) element.open = true;
  if (tag === "button") element.type = "button";
  if (tag === "input") {
    element.type = "search";
  }
  return element;
}

function update(element, child) {
  if (typeof child === "string") {
    if (element.data !== child) element.data = child;
    return;
  }
  const [, attributes, children] = child;
  const wanted = new Map();
  for (const [name, value] of Object.entries(attributes)) collect(wanted, element, name, value);
  for (const { name } of [...element.attributes]) {
    if (!wanted.has(name) && !["open", "style", "type"].includes(name) && !(name === "class" && element.dataset.copy))
      element.removeAttribute(name);
  }
  for (const [name, value] of wanted) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  // What somebody is typing right now wins over what the address says.
  if (attributes.search && element.shownValue !== attributes.value && !element.typing) {
    element.shownValue = attributes.value;
    element.value = attributes.value ?? "";
  }
  element.clock = attributes.at || attributes.since !== undefined ? attributes : null;
  if (!element.clock) patch(element, children);
}

function collect(wanted, element, name, value) {
  const text = String(value);
  if (PLAIN.has(name) || name.startsWith("aria-")) wanted.set(name, text);
  else if (name === "search" && OWN.test(text)) wanted.set("data-search", text);
  else if (name === "copy") wanted.set("data-copy", text);
  else if (name === "href") collectLink(wanted, text);
  else if (name === "at") wanted.set("datetime", text);
  else if (name === "css") {
    for (const [property, number] of Object.entries(value)) {
      if (/^[a-z]+$/.test(property)) element.style.setProperty(`--${property}`, String(Number(number)));
    }
  }
}

function collectLink(wanted, href) {
  if (OWN.test(href)) {
    wanted.set("href", href);
    wanted.set("data-own", "");
    wanted.set("target", "_self");
    return;
  }
  const url = URL.canParse(href) ? new URL(href) : null;
  if (url && /^https?:$/.test(url.protocol) && !url.username) {
    wanted.set("href", url.href);
    wanted.set("target", "_blank");
    wanted.set("rel", "noopener noreferrer nofollow");
    wanted.set("referrerpolicy", "no-referrer");
  }
}

// Clocks: times in the reader's zone with UTC on hover, and durations that go on between two polls.
function tick(state) {
  if (document.hidden) state.heard = Date.now();
  const silence = Date.now() - state.heard;
  const lost = state.every && silence > 10000 + 5000 * state.every;
  state.root.classList.toggle("lost", Boolean(lost));
  const now = (lost ? state.heard : Date.now()) + state.ahead;
  for (const element of state.root.querySelectorAll("time")) {
    const clock = element.clock;
    if (!clock) continue;
    const text = clock.at ? written(clock.at, clock.as, now) : elapsed(now / 1000 - clock.since);
    if (element.textContent !== text) element.textContent = text;
    if (clock.at) element.title = `${clock.at.replace("T", " ").replace(/(\.\d+)?Z$/, "")} UTC`;
  }
}

function elapsed(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  if (whole >= 86400) return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
  const hours = Math.floor(whole / 3600);
  const rest = `${Math.floor((whole % 3600) / 60)}:${two(whole % 60)}`;
  return hours ? `${hours}:${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}` : rest;
}

function written(at, as, now) {
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return at;
  if (as === "ago") return ago((now - when.getTime()) / 1000);
  if (as === "day") return when.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
  const today = new Date(now).toDateString() === when.toDateString();
  const time = when.toLocaleTimeString(undefined, {
    hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(as === "second" ? { second: "2-digit" } : {}),
  });
  if (today && as !== "full") return time;
  const year = new Date(now).getFullYear() === when.getFullYear() ? {} : { year: "numeric" };
  return `${when.toLocaleDateString(undefined, { day: "numeric", month: "short", ...year })} ${time}`;
}

function ago(seconds) {
  if (seconds < 5) return "just now";
  for (const [length, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit} ago`;
  }
  return "just now";
}
