// The outbox: what the reviewer did is kept here first, survives the tab, and is sent until the server has it;
// several at a time, but one at a time for one photo. The same answer is always sent under the same id.

const AT_ONCE = 6;
const FINAL = [400, 403, 404, 409, 411, 413, 422];
const LONGEST_REST = 15000;

export class Outbox {
  // told: changed(kept, failing, signedOut), done(op), refused(op, sentence)
  constructor(user, as, told) {
    Object.assign(this, { place: `partcheck.outbox.${user}`, as, told, sending: new Map(), failures: 0, timer: 0, spare: "[]" });
    addEventListener("online", () => this.again());
  }

  get ops() {
    try { return JSON.parse(localStorage.getItem(this.place) ?? this.spare); } catch { return []; }
  }

  set ops(ops) {
    this.spare = JSON.stringify(ops);  // A full or forbidden storage keeps it for as long as the tab lives.
    try { localStorage.setItem(this.place, this.spare); } catch { localStorage.removeItem?.(this.place); }
    this.told.changed(ops.length, this.failures > 0, false);
  }

  get ids() { return this.ops.map((op) => op.id); }

  put(op) {
    this.ops = [...this.ops, op];
    this.send();
  }

  // Take an answer out that was never tried, and tell whether that worked.
  withdraw(decision) {
    const op = this.ops.find((one) => one.form.decision_id === decision);
    if (!op || this.failures || this.sending.get(op.id) === op.action) return false;
    this.ops = this.ops.filter((one) => one.form.decision_id !== decision);
    return true;
  }

  again() {
    this.failures = 0;
    this.send();
  }

  send() {
    const busy = new Set(this.sending.keys());
    for (const op of this.ops) {
      if (this.sending.size >= AT_ONCE || busy.has(op.id)) continue;
      busy.add(op.id);
      this.deliver(op);
    }
  }

  async deliver(op) {
    this.sending.set(op.id, op.action);
    const request = { method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams(op.form), keepalive: true };
    const answer = await fetch(`/review/${op.id}/${op.action}?${this.as}`, request).catch(() => null);
    this.sending.delete(op.id);
    if (!answer?.ok && !FINAL.includes(answer?.status)) return this.rest(answer?.status === 401);
    this.failures = 0;
    this.ops = this.ops.filter((one) => !(one.id === op.id && one.action === op.action && one.form.decision_id === op.form.decision_id));
    if (answer.ok) this.told.done(op);
    else this.told.refused(op, await answer.json().then((said) => said.error, () => ""));
    this.send();
  }

  rest(signedOut) {
    this.failures += 1;
    this.told.changed(this.ops.length, true, signedOut);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), Math.min(LONGEST_REST, 500 * 2 ** this.failures));
  }
}
