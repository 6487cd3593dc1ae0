// Single-key shortcuts: which key does what, changed by the person, switched off by the person, kept here.

const USUAL = { ok: "a", defect: "d", skip: "s", undo: "z", comment: "c", hold: "h", help: "?", zoomIn: "+", zoomOut: "-", fit: "0", brightness: "b", contrast: "x", invert: "i" };
const KEPT = "partcheck.keys";

export class Keys {
  constructor(act) {
    let kept = {};
    try { kept = JSON.parse(localStorage.getItem(KEPT)) ?? {}; } catch { /* what is kept is no use */ }
    Object.assign(this, { act, on: kept.on ?? true, keys: { ...USUAL, ...kept.keys } });
    const box = document.getElementById("keys-on");
    box.checked = this.on;
    box.addEventListener("change", () => { this.on = box.checked; this.save(); });
    document.getElementById("key-list").addEventListener("input", (e) => this.change(e.target));
    document.getElementById("keys-reset").addEventListener("click", () => { this.keys = { ...USUAL }; this.save(); });
    document.addEventListener("keydown", (e) => this.press(e));
    this.show();
  }

  press(e) {
    const typing = e.target.closest("input:not([type=checkbox]), textarea, select, dialog");
    if (typing && (e.key === "Escape" || e.key === "Enter") && e.target.name === "comment") { e.preventDefault(); e.target.blur(); }
    if (typing || !this.on || e.ctrlKey || e.metaKey || e.altKey) return;
    const key = e.key.toLowerCase();
    const arrow = { arrowleft: [60, 0], arrowright: [-60, 0], arrowup: [0, 60], arrowdown: [0, -60] }[key];
    const action = Object.keys(this.keys).find((name) => this.keys[name] === key);
    if (arrow ? this.act("pan", arrow) : action ? this.act(action, e.repeat) : /^[1-9]$/.test(key) && this.act("class", Number(key), e.repeat)) e.preventDefault();
  }

  change(field) {
    const key = field.value.toLowerCase();
    const clash = Object.keys(this.keys).find((name) => name !== field.name && this.keys[name] === key);
    const wrong = !key.trim() || /^[1-9]$/.test(key) || clash;
    document.getElementById("key-clash").textContent = key && wrong ? `“${key}” is taken; the key stays as it was.` : "";
    if (wrong) return;
    this.keys[field.name] = key;
    this.save();
  }

  save() {
    localStorage.setItem(KEPT, JSON.stringify({ on: this.on, keys: this.keys }));
    this.show();
  }

  show() {
    for (const [name, key] of Object.entries(this.keys)) {
      const field = document.querySelector(`#key-list [name=${name}]`);
      if (field && field !== document.activeElement) field.value = key;
      for (const cap of document.querySelectorAll(`[data-key=${name}]`)) cap.textContent = key.toUpperCase();
    }
  }
}
