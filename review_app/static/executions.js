// Live rows: the server says that something changed, and the list asks for its own rows again.
const results = document.getElementById("results");

function say(state) {
  const sign = document.getElementById("live");
  if (!sign) return;
  sign.dataset.live = state;
  const words = sign.querySelector(".live-words");
  const rows = results.querySelectorAll("tbody a").length;
  words.textContent = `${rows} shown · ${state === "on" ? "live" : "not live, trying again"}`;
}

let first = true;
const source = new EventSource("/executions/live");
source.addEventListener("open", () => say("on"));
source.addEventListener("error", () => say("off"));
source.addEventListener("message", () => {
  if (first) {
    first = false;
    return;
  }
  const busy = results.contains(document.activeElement) && document.activeElement.tagName === "SELECT";
  if (!busy && !new URLSearchParams(location.search).has("mark")) {
    const focused = document.activeElement?.getAttribute?.("href");
    window.htmx.ajax("GET", location.pathname + location.search, { target: "#results", swap: "innerHTML" }).then(() => {
      if (focused && results.querySelector(`a[href="${CSS.escape(focused)}"]`)) results.querySelector(`a[href="${CSS.escape(focused)}"]`).focus();
      say("on");
    });
  }
});
document.body.addEventListener("htmx:afterSwap", () => say(source.readyState === EventSource.OPEN ? "on" : "off"));
