// Live list: an event says that the list has changed, and the page requests its rows again. While a form in
// the list is open or focused, the update waits.
const results = document.getElementById("results");
let source = null;
let isFirstEvent = true;
let isStale = false;

const showStatus = () => {
  const status = document.getElementById("live");
  if (!status) return;
  const isLive = source.readyState === EventSource.OPEN;
  status.dataset.live = isLive ? "on" : "off";
  const rows = results.querySelectorAll("tbody a").length;
  const state = isLive ? (isStale ? "update pending" : "live") : "not live, reconnecting";
  status.querySelector(".live-status").textContent = `${rows} shown · ${state}`;
};

const isInUse = () => {
  return results.querySelector("details[open], :is(input, textarea, select, button):focus") !== null;
};

const refresh = async () => {
  if (new URLSearchParams(location.search).has("cursor")) return;
  isStale = isInUse();
  if (isStale) {
    showStatus();
    return;
  }
  const focusedUrl = document.activeElement?.getAttribute("href");
  const target = { target: "#results", swap: "innerHTML" };
  await window.htmx.ajax("GET", location.pathname + location.search, target);
  if (focusedUrl) results.querySelector(`a[href="${CSS.escape(focusedUrl)}"]`)?.focus();
};

const connect = () => {
  source = new EventSource("/executions/live");
  source.onopen = showStatus;
  source.onerror = () => {
    showStatus();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  };
  source.onmessage = () => {
    if (!isFirstEvent) refresh();
    isFirstEvent = false;
  };
};

const refreshIfStale = () => setTimeout(() => isStale && refresh());
results.addEventListener("focusout", refreshIfStale, true);
results.addEventListener("toggle", refreshIfStale, true);
document.body.addEventListener("htmx:afterSwap", showStatus);
connect();
