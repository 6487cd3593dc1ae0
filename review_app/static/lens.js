// Looking closer: zoom, pan, brightness, contrast and inversion, which all stay for the next photo.

const STEPS = { brightness: [100, 130, 170, 220, 70], contrast: [100, 140, 190, 250, 70] };
const KEPT = "partcheck.lens";

export class Lens {
  constructor(view, lens, onZoom) {
    Object.assign(this, { view, lens, onZoom, zoom: 1, x: 0, y: 0, brightness: 0, contrast: 0, invert: false });
    try { Object.assign(this, JSON.parse(localStorage.getItem(KEPT)) ?? {}); } catch { /* what is kept is no use */ }
    view.addEventListener("wheel", (e) => { e.preventDefault(); this.scale(e.deltaY < 0 ? 1.2 : 1 / 1.2, e); }, { passive: false });
    view.addEventListener("pointerdown", (e) => view.setPointerCapture(e.pointerId));
    view.addEventListener("pointermove", (e) => { if (view.hasPointerCapture(e.pointerId)) this.move(e.movementX, e.movementY); });
    view.addEventListener("dblclick", () => (this.zoom > 1 ? this.fit() : this.scale(3)));
    this.apply();
  }

  do(action) {
    if (action === "zoomIn") this.scale(1.5);
    else if (action === "zoomOut") this.scale(1 / 1.5);
    else if (action === "fit") this.fit();
    else if (action === "invert") this.invert = !this.invert;
    else if (action in STEPS) this[action] = (this[action] + 1) % STEPS[action].length;
    else return false;
    this.apply();
    return true;
  }

  scale(by, at) {
    const zoom = Math.min(12, Math.max(1, this.zoom * by));
    if (at) {  // What lies under the pointer stays there.
      const box = this.view.getBoundingClientRect();
      const [dx, dy] = [at.clientX - box.x - box.width / 2, at.clientY - box.y - box.height / 2];
      this.x = dx - ((dx - this.x) * zoom) / this.zoom;
      this.y = dy - ((dy - this.y) * zoom) / this.zoom;
    }
    this.zoom = zoom;
    this.apply();
  }

  fit() { Object.assign(this, { zoom: 1, x: 0, y: 0 }); this.apply(); }

  move(dx, dy) {
    if (this.zoom === 1) return false;
    this.x += dx;
    this.y += dy;
    this.apply();
    return true;
  }

  apply() {
    const { width, height } = this.view.getBoundingClientRect();
    const limit = (value, side) => Math.max(-side, Math.min(side, value));
    this.x = limit(this.x, (width * (this.zoom - 1)) / 2);
    this.y = limit(this.y, (height * (this.zoom - 1)) / 2);
    const [brightness, contrast] = ["brightness", "contrast"].map((name) => STEPS[name][this[name]]);
    this.lens.style.transform = this.zoom === 1 ? "" : `translate(${this.x}px, ${this.y}px) scale(${this.zoom})`;
    const filter = `brightness(${brightness}%) contrast(${contrast}%)${this.invert ? " invert(1)" : ""}`;
    this.lens.style.filter = brightness === 100 && contrast === 100 && !this.invert ? "" : filter;
    const shown = { zoom: `${Math.round(this.zoom * 100)} %`, brightness: brightness === 100 ? "" : `${brightness} %`, contrast: contrast === 100 ? "" : `${contrast} %` };
    for (const [id, text] of Object.entries(shown)) document.getElementById(id).textContent = text;
    document.querySelector("[data-do=invert]").setAttribute("aria-pressed", this.invert);
    const { zoom, x, y, invert } = this;
    localStorage.setItem(KEPT, JSON.stringify({ zoom, x, y, invert, brightness: this.brightness, contrast: this.contrast }));
    if (zoom > 1) this.onZoom();
  }
}
