// Live rows: the server says that something changed, and the list asks for its own rows again, but never
// under somebody's hands.
const results = document.getElementById("results");
let [source, first, stale] = [null, true, false];

const say = () => {
  const sign = document.getElementById("live");
  if (!sign) return;
  const live = source.readyState === EventSource.OPEN;
  sign.dataset.live = live ? "on" : "off";
  const rows = results.querySelectorAll("tbody a").length;
  const words = !live ? "not live, trying again" : stale ? "changed meanwhile" : "live";
  sign.querySelector(".live-words").textContent = `${rows} shown · ${words}`;
};

const busy = () => results.querySelector("details[open], :is(input, textarea, select, button):focus") !== null;

const refresh = async () => {
  if (new URLSearchParams(location.search).has("mark")) return;
  stale = busy();
  if (stale) return say();
  const focused = document.activeElement?.getAttribute("href");
  await window.htmx.ajax("GET", location.pathname + location.search, { target: "#results", swap: "innerHTML" });
  if (focused) results.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
};

const listen = () => {
  source = new EventSource("/executions/live");
  source.onopen = say;
  source.onerror = () => {
    say();
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
  source.onmessage = () => {
    if (!first) refresh();
    first = false;
  };
};

for (const end of ["focusout", "toggle"]) results.addEventListener(end, () => setTimeout(() => stale && refresh()), true);
document.body.addEventListener("htmx:afterSwap", say);
listen();
