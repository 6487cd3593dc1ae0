// Outbox: requests are stored in the browser until the server has accepted or refused them, so that they
// survive the tab. Requests for different photos are sent in parallel, those for one photo one after another.
// A repeated request has the same decision id.

const MAX_PARALLEL = 3; // A browser has six connections to a server; photos and events need some of them.
const NOT_LOADED = 428; // This session has not loaded the photo.
const REFUSAL_STATUSES = [400, 403, 404, 409, 411, 413, 422, NOT_LOADED];
const MAX_BACKOFF_MS = 15000;

const isSame = (request, other) => {
  const hasSameDecision = request.form.decision_id === other.form.decision_id;
  return request.id === other.id && request.action === other.action && hasSameDecision;
};

// The undo of a refused answer is void, and so is each answer after a refused undo of the same photo.
const dependsOn = (refused, request) => {
  const isSameAnswer = refused.form.decision_id === request.form.decision_id;
  return refused.id === request.id && (refused.action === "undo" || isSameAnswer);
};

export class Outbox {
  // Listeners: onChange(count, isFailing, isSignedOut), onAccepted(request, response), and
  // onRefused(request, message, dropped), where `dropped` are the requests that depend on the refused one.
  constructor(user, query, listeners) {
    this.storageKey = `partcheck.outbox.${user}`;
    this.query = query;
    this.listeners = listeners;
    this.inFlight = new Map();
    this.failures = 0;
    this.timer = 0;
    this.fallback = "[]";
    addEventListener("online", () => this.retryNow());
    addEventListener("storage", (event) => {
      if (event.key === this.storageKey) this.showState(); // Another tab added or sent requests.
    });
  }

  get requests() {
    try {
      return JSON.parse(localStorage.getItem(this.storageKey) ?? this.fallback);
    } catch {
      return [];
    }
  }

  set requests(requests) {
    this.fallback = JSON.stringify(requests); // Used until the tab closes if the storage is full or forbidden.
    try {
      localStorage.setItem(this.storageKey, this.fallback);
    } catch {
      localStorage.removeItem?.(this.storageKey);
    }
    this.showState();
  }

  showState() {
    this.listeners.onChange(this.requests.length, this.failures > 0, false);
  }

  get ids() {
    return this.requests.map((request) => request.id);
  }

  add(request) {
    this.requests = [...this.requests, request];
    this.send();
  }

  // Remove a decision that was never sent; returns whether that was possible.
  withdraw(decisionId) {
    const request = this.requests.find((item) => item.form.decision_id === decisionId);
    if (!request || this.failures || this.inFlight.get(request.id) === request.action) return false;
    this.requests = this.requests.filter((item) => item.form.decision_id !== decisionId);
    return true;
  }

  retryNow() {
    this.failures = 0;
    this.send();
  }

  send() {
    const busy = new Set(this.inFlight.keys());
    for (const request of this.requests) {
      if (this.inFlight.size >= MAX_PARALLEL || busy.has(request.id)) continue;
      busy.add(request.id);
      this.deliver(request);
    }
  }

  async deliver(request) {
    this.inFlight.set(request.id, request.action);
    const options = {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(request.form),
      keepalive: true,
    };
    const url = `/review/${request.id}/${request.action}?${this.query}`;
    let response = await fetch(url, options).catch(() => null);
    if (response?.status === NOT_LOADED) { // The reviewer saw the photo in an earlier session.
      await fetch(`/photos/${request.id}/review?${this.query}`).catch(() => null);
      response = await fetch(url, options).catch(() => null);
    }
    this.inFlight.delete(request.id);
    if (!response?.ok && !REFUSAL_STATUSES.includes(response?.status)) {
      this.backOff(response?.status === 401);
      return;
    }
    this.failures = 0;
    const others = this.requests.filter((item) => !isSame(item, request));
    const dropped = response.ok ? [] : others.filter((item) => dependsOn(request, item));
    this.requests = others.filter((item) => !dropped.includes(item));
    if (response.ok) {
      this.listeners.onAccepted(request, await response.json().catch(() => ({})));
    } else {
      const message = await response.json().then((body) => body.error, () => "");
      this.listeners.onRefused(request, message, dropped);
    }
    this.send();
  }

  backOff(isSignedOut) {
    this.failures += 1;
    this.listeners.onChange(this.requests.length, true, isSignedOut);
    clearTimeout(this.timer);
    const delay = Math.min(MAX_BACKOFF_MS, 500 * 2 ** this.failures);
    this.timer = setTimeout(() => this.send(), delay);
  }
}
