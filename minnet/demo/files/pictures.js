// Pictures of 28 by 28 pixels: what the model gets, with the pixels that speak, and how a column of W changed.
const SIDE = 28;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Empties a canvas, and makes it as sharp as the screen; its unit is the pixel of the page.
function sheet(canvas) {
  const size = canvas.clientWidth, sharp = window.devicePixelRatio || 1;
  canvas.width = canvas.height = Math.round(size * sharp);
  const paper = canvas.getContext("2d");
  paper.scale(sharp, sharp);
  paper.fillStyle = colour("--card");
  paper.fillRect(0, 0, size, size);
  return [paper, size];
}

// Fills the pixels whose share is not 0, in a colour that is the more opaque the larger the share is.
function fill(paper, size, shares, hue) {
  const cell = size / SIDE;
  shares.forEach((share, i) => {
    if (!share) return;
    paper.globalAlpha = Math.min(1, Math.abs(share));
    paper.fillStyle = hue(share);
    const x = i % SIDE, y = Math.floor(i / SIDE);
    const left = Math.floor(x * cell), top = Math.floor(y * cell);
    paper.fillRect(left, top, Math.floor((x + 1) * cell) - left, Math.floor((y + 1) * cell) - top);
  });
  paper.globalAlpha = 1;
}

// The digit as the model gets it, pale, and on it a plus or a minus for each pixel that speaks.
function drawSeen(canvas, answer) {
  const [paper, size] = sheet(canvas);
  if (!answer) return;
  const ink = colour("--ink");
  fill(paper, size, answer.picture.map((byte) => (byte / 255) * 0.45), () => ink);
  mark(paper, size, answer.for, colour("--for"), true);
  mark(paper, size, answer.against, colour("--against"), false);
}

function mark(paper, size, pixels, hue, plus) {
  const cell = size / SIDE, arm = cell * 0.36;
  for (const [width, style] of [[cell * 0.42, colour("--card")], [cell * 0.2, hue]]) {
    Object.assign(paper, {strokeStyle: style, lineWidth: width, lineCap: "round"});
    paper.beginPath();
    for (const [i] of pixels) {
      const x = ((i % SIDE) + 0.5) * cell, y = (Math.floor(i / SIDE) + 0.5) * cell;
      paper.moveTo(x - arm, y);
      paper.lineTo(x + arm, y);
      if (plus) {
        paper.moveTo(x, y - arm);
        paper.lineTo(x, y + arm);
      }
    }
    paper.stroke();
  }
}

// A column's change: as deep as the largest change of all columns is wide.
function drawColumn(canvas, column, largest) {
  const [paper, size] = sheet(canvas), [gain, loss] = [colour("--for"), colour("--against")];
  fill(paper, size, column.map((change) => change / (largest || 1)), (share) => (share > 0 ? gain : loss));
}

const farthest = (numbers) => numbers.reduce((far, x) => (Math.abs(x) > Math.abs(far) ? x : far), 0);
