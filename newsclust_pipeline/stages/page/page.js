// The map page: draws the figure, shows a card for the article under the pointer, and ties the
// table of stories to the map. Everything shown arrives as data and is set by textContent only.
// A module, so that nothing becomes global. <html data-ready> says that the map is drawn.

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const read = (id) => JSON.parse(byId(id).textContent);
const map = byId("map");
const card = byId("card");
const focus = byId("focus");
const rows = [...document.querySelectorAll("tr[data-story]")];
const articles = read("articles");
const figure = read("figure");

const NOISE = 0; // index of the trace, as built by page.py
const STORIES = 1;
const flat = !figure?.layout.scene;
const touch = matchMedia("(hover: none)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
let selected = -1;

// --- colours: the style sheet owns them -------------------------------------------------------

const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

function colours() {
  const hues = articles.storyHue.map((hue) => css(`--hue-${hue}`));
  const dim = css(flat ? "--dim" : "--dim-solid");
  const lit = (story) => (selected < 0 || story === selected ? hues[story] ?? css("--noise") : dim);
  const noise = articles.noise;
  return {
    "marker.color": [selected < 0 ? css("--noise") : dim, articles.story.slice(noise).map(lit)],
    "marker.line.color": [css("--panel"), css("--panel")],
  };
}

function paint() {
  return Plotly.restyle(map, colours(), [NOISE, STORIES]);
}

// --- the view: numbers that say what is seen, so that it can glide -------------------------------
// flat: [x0, x1, y0, y1]; in space: the camera's target and eye, three numbers each.

function currentView() {
  const { xaxis, yaxis, scene } = map.layout;
  if (flat) return [...xaxis.range, ...yaxis.range].map(Number);
  const { center, eye } = scene.camera;
  return [center.x, center.y, center.z, eye.x, eye.y, eye.z];
}

function viewUpdate([a, b, c, d, e, f]) {
  if (flat) return { "xaxis.range": [a, b], "yaxis.range": [c, d] };
  return { "scene.camera.center": { x: a, y: b, z: c }, "scene.camera.eye": { x: d, y: e, z: f } };
}

// The view that holds a box ([low, high] per axis), clear of the story's title at the top.
function viewOf(box) {
  if (!flat) return cameraOn(box);
  const [[x0, x1], [y0, y1]] = box;
  const [width, height] = [map.clientWidth, map.clientHeight];
  const covered = focus.hidden ? 0 : focus.offsetTop + focus.offsetHeight;
  const scale = Math.max((x1 - x0) / width, (y1 - y0) / (height - covered));
  const x = (x0 + x1 - scale * width) / 2;
  const y = (y0 + y1 - scale * (height - covered)) / 2;
  return [x, x + scale * width, y, y + scale * height];
}

// Plotly's camera counts in lengths of the cube, from its middle.
function cameraOn(box) {
  const span = articles.home[0][1] - articles.home[0][0];
  const middle = ([low, high]) => (low + high) / 2;
  const target = box.map((side, axis) => (middle(side) - middle(articles.home[axis])) / span);
  const size = Math.max(...box.map(([low, high]) => high - low)) / span;
  return [...target, ...target.map((value) => value + 0.85 * Math.max(size, 0.12))];
}

let flight = 0;
function glideTo(view) {
  cancelAnimationFrame(flight);
  const from = currentView();
  const start = performance.now();
  const length = still.matches ? 0 : 380;
  const step = (now) => {
    const done = length ? Math.min(1, Math.max(0, (now - start) / length)) : 1;
    const eased = 1 - (1 - done) ** 3;
    Plotly.relayout(map, viewUpdate(from.map((value, i) => value + (view[i] - value) * eased)));
    if (done < 1) flight = requestAnimationFrame(step);
  };
  flight = requestAnimationFrame(step);
}

function zoom(factor) {
  const view = currentView();
  const [a, b, c] = view;
  const middle = flat ? [(a + b) / 2, (a + b) / 2, (c + view[3]) / 2, (c + view[3]) / 2] :
    [a, b, c, a, b, c];
  glideTo(view.map((value, i) => middle[i] + (value - middle[i]) * factor));
}

// --- stories -----------------------------------------------------------------------------------

function select(story) {
  selected = story;
  hideCard();
  for (const row of rows) {
    const on = Number(row.dataset.story) === story;
    row.setAttribute("aria-selected", on);
    row.querySelector("button").setAttribute("aria-pressed", on);
  }
  showFocus(rows.find((row) => Number(row.dataset.story) === story));
  paint();
  glideTo(viewOf(articles.storyBox[story] ?? articles.home));
}

function showFocus(row) {
  focus.hidden = !row;
  if (!row) return;
  const [title, ...rest] = [...row.cells];
  const unit = (cell) => [cell.textContent, cell.dataset.unit].filter(Boolean).join(" ");
  focus.querySelector(".focus-title").textContent = title.textContent.trim();
  focus.querySelector(".focus-meta").textContent =
    rest.filter((cell) => cell.textContent).map(unit).join(" · ");
}

// --- the card of an article ----------------------------------------------------------------------

const pointer = { x: 0, y: 0 };
// Rows are laid out as the traces are: first those in no story, then the others.
const rowOf = (point) => point.pointNumber + (point.curveNumber === NOISE ? 0 : articles.noise);
// page.py lets only http(s) through; asked again here, because this is where it would hurt.
const linkOf = (row) => (/^https?:\/\//i.test(articles.url[row] ?? "") ? articles.url[row] : null);

function fillCard(row) {
  const put = (name, text) => { card.querySelector(name).textContent = text ?? ""; };
  const story = articles.story[row];
  put(".card-venue", articles.venues[articles.venue[row]]);
  put(".card-date", articles.dates[articles.date[row]]);
  put(".card-title", articles.title[row]);
  put(".card-snippet", articles.snippet[row]);
  put(".card-story bdi", articles.storyTitle[story] ?? "In no story");
  put(".card-copies", articles.copies[row] > 1 ? `${articles.copies[row]} identical copies` : "");
  card.querySelector(".dot").className = `dot hue-${articles.storyHue[story] ?? "none"}`;
  const link = card.querySelector("a");
  if (linkOf(row)) link.href = linkOf(row);
  else link.removeAttribute("href");
}

// Beside the pointer, turned to the side where there is room.
function placeCard() {
  const { width, height } = card.getBoundingClientRect();
  const gap = 16;
  const right = pointer.x + gap + width < innerWidth - 8;
  const left = right ? pointer.x + gap : Math.max(8, pointer.x - gap - width);
  const below = pointer.y + gap + height < innerHeight - 8;
  const top = below ? pointer.y + gap : Math.max(8, pointer.y - gap - height);
  card.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

function showCard(point) {
  fillCard(rowOf(point));
  card.hidden = false;
  placeCard();
}

function hideCard() {
  card.hidden = true;
}

function openArticle(row) {
  if (linkOf(row)) window.open(linkOf(row), "_blank", "noopener,noreferrer");
}

// --- wiring ------------------------------------------------------------------------------------

function listen() {
  map.on("plotly_hover", ({ points }) => showCard(points[0]));
  map.on("plotly_unhover", () => { if (!touch.matches) hideCard(); });
  map.on("plotly_relayouting", hideCard);
  map.on("plotly_doubleclick", () => select(-1));
  map.on("plotly_click", ({ points }) => {
    if (touch.matches) showCard(points[0]);
    else openArticle(rowOf(points[0]));
  });
  for (const kind of ["pointermove", "pointerdown"]) {
    map.addEventListener(kind, (event) => {
      Object.assign(pointer, { x: event.clientX, y: event.clientY });
      if (!card.hidden) placeCard();
    }, true);
  }
  document.addEventListener("pointerdown", ({ target }) => {
    if (!card.contains(target)) hideCard();
  }, true);
  document.addEventListener("scroll", hideCard, { capture: true, passive: true });
  byId("reset").addEventListener("click", () => select(-1));
  byId("leave").addEventListener("click", () => select(-1));
  byId("noise").addEventListener("change", ({ target }) =>
    Plotly.restyle(map, { visible: target.checked }, [NOISE]));
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoom(Number(button.dataset.zoom)));
  }
  for (const row of rows) {
    const story = Number(row.dataset.story);
    row.addEventListener("click", () => select(story === selected ? -1 : story));
  }
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape") select(-1); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
}

async function draw() {
  const small = map.clientWidth < 560; // a phone: smaller markers, or they cover each other
  for (const trace of figure.data) trace.marker.sizeref = small ? 1.4 : 1;
  await Plotly.newPlot(map, figure.data, figure.layout, {
    scrollZoom: true, displayModeBar: false, doubleClick: false, responsive: true,
  });
  await Plotly.update(map, colours(), viewUpdate(viewOf(articles.home)), [NOISE, STORIES]);
  listen();
}

if (figure) await draw();
root.dataset.ready = "true";
