// The pen draws on the pad: with the mouse, a finger, or the keyboard. Points are shares of the pad's width, x and y.
const CLOSE = 0.004; // points that are closer than this to the last one are left out
const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const STRIDE = 0.04; // of an arrow key; with Shift, a quarter of it

class Pen {
  constructor(pad, changed, said) {
    Object.assign(this, {pad, changed, said, strokes: [], line: null, place: [0.5, 0.5], held: new Set(), moved: false});
    pad.addEventListener("pointerdown", (event) => this.touch(event));
    pad.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, (event) => this.leave(event));
    pad.addEventListener("contextmenu", (event) => event.preventDefault());
    pad.addEventListener("keydown", (event) => this.press(event));
    pad.addEventListener("keyup", (event) => this.release(event));
    pad.addEventListener("focus", () => this.draw());
    pad.addEventListener("blur", () => this.rest());
  }

  touch(event) {
    if (!event.isPrimary || event.button !== 0) return;
    event.preventDefault();
    this.pad.focus({preventScroll: true, focusVisible: false});
    this.pad.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.begin(this.at(event));
  }

  drag(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.to(this.at(each));
    this.show();
  }

  leave(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = this.line = null;
  }

  // The keyboard: a tap on the space bar puts the pen down, the next one lifts it; while it is held, arrows draw.
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && !event.repeat) {
      this.moved = Boolean(this.line);
      if (!this.line) this.begin(this.place);
      this.said("pen_down");
    } else if (event.key in ARROWS) {
      this.held.add(event.key);
      this.step(event.shiftKey ? STRIDE / 4 : STRIDE);
    } else if (event.key !== " ") return;
    event.preventDefault();
  }

  release(event) {
    this.held.delete(event.key);
    if (event.key === " " && this.line && this.moved) {
      this.line = null;
      this.said("pen_up");
      this.draw();
    }
  }

  step(stride) {
    let [x, y] = this.place;
    for (const key of this.held) [x, y] = [x + stride * ARROWS[key][0], y + stride * ARROWS[key][1]];
    this.place = [inside(x), inside(y)];
    this.moved = true;
    if (this.line) this.to(this.place);
    this.line ? this.show() : this.draw();
  }

  rest() {
    this.held.clear();
    if (this.pointer == null) this.line = null;
    this.draw();
  }

  at(event) {
    const box = this.pad.getBoundingClientRect();
    return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
  }

  begin(point) {
    this.line = [this.place = point];
    this.strokes.push(this.line);
    this.show();
  }

  to(point) {
    const last = this.line.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= CLOSE) this.line.push((this.place = point));
  }

  undo() {
    this.line = null;
    this.strokes.pop();
    this.show();
  }

  clear() {
    this.line = null;
    this.strokes = [];
    this.place = [0.5, 0.5];
    this.show();
  }

  show() {
    this.draw();
    this.changed();
  }

  draw() {
    const [paper, size] = sheet(this.pad);
    Object.assign(paper, {lineCap: "round", lineJoin: "round", lineWidth: size * 0.07, strokeStyle: colour("--ink")});
    for (const [first, ...rest] of this.strokes) {
      paper.beginPath();
      paper.moveTo(first[0] * size, first[1] * size);
      for (const [x, y] of rest.length ? rest : [first]) paper.lineTo(x * size, y * size);
      paper.stroke();
    }
    if (this.pad.matches(":focus-visible")) this.cursor(paper, size);
  }

  cursor(paper, size) {
    const [x, y] = this.place.map((share) => share * size);
    for (const [width, name] of [[5, "--card"], [2, "--for"]]) {
      Object.assign(paper, {lineWidth: width, strokeStyle: colour(name)});
      paper.beginPath();
      paper.arc(x, y, size * 0.035, 0, 2 * Math.PI);
      for (const [dx, dy] of Object.values(ARROWS)) {
        paper.moveTo(x + dx * size * 0.035, y + dy * size * 0.035);
        paper.lineTo(x + dx * size * 0.07, y + dy * size * 0.07);
      }
      paper.stroke();
    }
  }
}

const inside = (share) => Math.round(Math.min(1, Math.max(0, share)) * 1e4) / 1e4;
