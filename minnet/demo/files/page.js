// The page: it asks the program what it reads in a drawing, and shows the answers.
let answer = null; // to the last question what is read
let step = null; // what the last step changed
let steps = facts.steps;
let busy = false, again = false;
let saying;

const chosen = () => document.querySelector("#digits input:checked")?.value;
const digitOf = () => (chosen() === undefined ? null : Number(chosen()));

// Asks the program; null, after the page has said why, if it has no answer.
async function ask(path, question) {
  let reply;
  try {
    const body = JSON.stringify(question);
    const response = await fetch(path, {method: "POST", headers: {"Content-Type": "application/json"}, body});
    reply = await response.json();
  } catch {
    reply = {error: "", word: "error_gone"};
  }
  element("error").textContent = "error" in reply ? word(reply.word) : "";
  return "error" in reply ? null : reply;
}

// One question at a time: if the drawing changes meanwhile, the next question is of the newest drawing.
async function read() {
  again = true;
  if (busy) return;
  setBusy(true);
  while (again) {
    again = false;
    const drawn = pen.strokes.length ? await ask("/read", {strokes: pen.strokes, digit: digitOf()}) : null;
    answer = pen.strokes.length ? drawn ?? answer : null;
    steps = drawn?.steps ?? steps;
    showAnswer();
  }
  setBusy(false);
}

function setBusy(now) {
  busy = now;
  element("digits").ariaBusy = String(now); // a screen reader waits for the numbers to settle
}

function showAnswer() {
  const verdict = element("verdict"), best = answer && answer.probabilities.indexOf(Math.max(...answer.probabilities));
  document.querySelectorAll("#digits label").forEach((row, digit) => {
    const probability = answer ? answer.probabilities[digit] : 0;
    row.classList.toggle("best", digit === best);
    row.querySelector(".bar").style.width = 100 * probability + "%";
    row.querySelector(".value").textContent = answer ? percent(probability) : "–";
  });
  const values = answer && {digit: best, probability: percent(answer.probabilities[best])};
  const sentence = answer ? word("verdict", values) : word("nothing");
  verdict.replaceChildren(...(answer ? [make("b", {ariaHidden: "true"}, String(best))] : []), sentence);
  say(sentence);
  showReasons();
  showButtons();
}

function showReasons() {
  const [gain, loss] = [answer?.for ?? [], answer?.against ?? []];
  drawSeen(element("seen"), answer);
  element("seen").ariaLabel = answer ? word("seen", {for: gain.length, against: loss.length}) : word("seen_empty");
  for (const [id, pixels] of [["for", gain], ["against", loss]]) {
    const sum = signed(pixels.reduce((total, pixel) => total + pixel[1], 0), {maximumFractionDigits: 2});
    element(id).textContent = answer ? word(id, {digit: answer.digit, count: pixels.length, sum}) : "";
  }
}

function showButtons() {
  const digit = chosen();
  element("learn").textContent = digit === undefined ? word("learn_choose") : word("learn_digit", {digit});
  element("forget").textContent = word("forget", {steps: number(steps)});
  element("forget").disabled = !steps;
  element("undo").disabled = element("clear").disabled = !pen.strokes.length;
}

// Tells those who hear the page, once the drawing rests.
function say(sentence) {
  clearTimeout(saying);
  saying = setTimeout(() => (element("status").textContent = sentence), 700);
}

async function learn() {
  const missing = !pen.strokes.length ? "draw_first" : chosen() === undefined ? "choose_first" : null;
  if (missing) {
    element("error").textContent = word(missing);
    return element(missing === "draw_first" ? "pad" : "digit-0").focus();
  }
  step = (await ask("/learn", {strokes: pen.strokes, digit: digitOf()})) ?? step;
  steps = step?.steps ?? steps;
  showStep();
  await read();
  if (step) say(element("learned").firstChild.textContent);
}

async function forget() {
  const reply = await ask("/forget", {});
  if (!reply) return;
  [step, steps] = [null, reply.steps];
  showStep(word("forgotten"));
  element("learn").focus();
  await read();
  say(word("forgotten"));
}

function showStep(sentence = "") {
  const place = element("learned");
  place.classList.toggle("matrix", Boolean(step?.columns));
  if (!step) return place.replaceChildren(sentence && make("p", {}, sentence));
  const [before, after] = step.losses.map((loss) => number(loss, short));
  const ratio = step.after[step.digit] / step.before[step.digit];
  const times = number(ratio, ratio < 1.1 ? {maximumFractionDigits: 4} : short);
  const values = {steps: number(step.steps), digit: step.digit, before, after, times};
  place.replaceChildren(make("p", {}, word("learned", values)), probabilities(), step.columns ? columns() : arrays());
  for (const canvas of place.querySelectorAll("canvas")) drawColumn(canvas, step.columns[canvas.dataset.digit], largest());
}

const largest = () => Math.abs(farthest(step.columns.map(farthest)));

function table(heads, rows) {
  const row = (tag, cells) => make("tr", {}, ...cells.map((cell) => make(tag, {}, cell)));
  return make("table", {}, make("thead", {}, row("th", heads)), make("tbody", {}, ...rows.map((cells) => row("td", cells))));
}

function probabilities() {
  const rows = step.before.map((before, digit) => {
    const after = step.after[digit], points = 100 * (after - before);
    const change = signed(points, Math.abs(points) < 1 ? {maximumFractionDigits: 4} : tenths);
    return [String(digit), smallPercent(before), smallPercent(after), change];
  });
  const made = table(["digit", "before", "after", "change"].map((name) => word(name)), rows);
  made.tBodies[0].rows[step.digit].className = "chosen";
  return made;
}

function columns() {
  const figures = step.columns.map((column, digit) => {
    const text = word("column", {digit, largest: signed(farthest(column), {maximumFractionDigits: 5})});
    const canvas = make("canvas", {role: "img", ariaLabel: text});
    canvas.dataset.digit = digit;
    return make("figure", {className: digit === step.digit ? "chosen" : ""}, canvas, make("figcaption", {}, text));
  });
  const pictures = make("div", {className: "columns"}, ...figures);
  return make("div", {}, make("p", {className: "small"}, word("columns", {digit: step.digit})), pictures);
}

function arrays() {
  const rows = step.arrays.map((array) => [array.path, array.shape.join(" × "), number(array.largest, short)]);
  const made = table(["path", "shape", "largest"].map((name) => word(name)), rows);
  return make("div", {}, make("p", {className: "small"}, word("arrays")), made);
}

function showAll() {
  sayWords();
  pen.draw();
  showAnswer();
  showStep();
}

for (let digit = 0; digit < 10; digit++) {
  const radio = make("input", {type: "radio", name: "digit", value: digit, id: "digit-" + digit});
  const track = make("span", {className: "track"}, make("span", {className: "bar"}));
  const [name, value] = [make("span", {className: "name"}, String(digit)), make("span", {className: "value"})];
  element("digits").append(make("label", {}, radio, name, track, value));
}
const pen = new Pen(element("pad"), () => (showButtons(), read()), (name) => say(word(name)));
element("digits").addEventListener("change", () => (showButtons(), read()));
element("undo").addEventListener("click", () => pen.undo());
element("clear").addEventListener("click", () => {
  const radio = document.querySelector("#digits input:checked");
  if (radio) radio.checked = false;
  pen.clear();
});
element("learn").addEventListener("click", learn);
element("forget").addEventListener("click", forget);
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey) {
    event.preventDefault();
    pen.undo();
  }
});
for (const button of document.querySelectorAll("[data-lang]")) {
  button.addEventListener("click", () => {
    lang = button.dataset.lang;
    history.replaceState(null, "", "?lang=" + lang);
    element("error").textContent = "";
    showAll();
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showAll);
addEventListener("resize", showAll);
showAll();
