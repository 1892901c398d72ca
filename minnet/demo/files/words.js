// The words of the page in its language: word("verdict", {digit: 7}) fills in what stands in braces.
const {words, facts} = JSON.parse(document.getElementById("data").textContent);
let lang = document.documentElement.lang;

const element = (id) => document.getElementById(id);

function word(name, values = {}) {
  return words[lang][name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

const number = (value, options = {}) => new Intl.NumberFormat(lang, options).format(value);
const tenths = {minimumFractionDigits: 1, maximumFractionDigits: 1};
const percent = (value) => number(value, {style: "percent", ...tenths});
const signed = (value, options) => number(value, {signDisplay: "exceptZero", ...options}).replace("-", "−");
const short = {maximumSignificantDigits: 3};

// A percentage that shows also how a small probability changes.
function smallPercent(value) {
  if (value >= 0.001) return percent(value);
  const small = {style: "percent", maximumSignificantDigits: 2};
  return value < 1e-6 ? "< " + number(1e-6, small) : number(value, small);
}

// Makes an element: its properties, and what is in it, as text or elements.
function make(tag, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
}

function sayWords() {
  document.documentElement.lang = lang;
  document.title = word("title");
  for (const part of document.querySelectorAll("[data-word]")) part.textContent = word(part.dataset.word);
  for (const part of document.querySelectorAll("[data-label]")) part.ariaLabel = word(part.dataset.label);
  for (const button of document.querySelectorAll("[data-lang]")) button.ariaPressed = String(button.dataset.lang === lang);
  element("about").textContent = word("about_" + facts.source, {
    name: facts.name,
    numbers: number(facts.numbers),
    real: number(facts.real ?? 0),
    synthetic: number(facts.synthetic ?? 0),
    accuracy: percent(facts.accuracy ?? 0),
  });
  element("speaks").textContent = word("speaks_" + facts.speaks);
  element("learn-about").textContent = word("learn_about", {rate: facts.rate});
}
