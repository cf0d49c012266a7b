// Whatever a contestant writes, only elements and attributes from the list below come out of it. What a browser makes
// of the same texts is tested in tests/elements/test_hostile_text.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import "./dom.js";

const { DocumentView } = await import("../../static/js/lib/document-view.js");
const { StepsView } = await import("../../static/js/lib/steps-view.js");

const HOSTILE = JSON.parse(readFileSync(new URL("data/hostile.json", import.meta.url), "utf8"));

const TEXT = "p h4 ul ol li blockquote pre code table thead tbody tr th td hr br strong em s a span div";
const MATHS =
  "math semantics annotation mrow mi mo mn mtext mspace mfrac msup msub msubsup msqrt mroot mover munder munderover " +
  "mtable mtr mtd mstyle mpadded mphantom menclose mglyph merror svg path line g";
const ELEMENTS = new Set(`${TEXT} ${MATHS}`.split(" "));
const FORBIDDEN_ATTRIBUTE =
  /^on|^(?:id|src|srcset|action|formaction|style|name|form|background|poster|srcdoc|xlink:href)$/;
const OUR_CLASSES = /response|ballot|battle|turn|step|retry/;

function check(root, text) {
  for (const element of root.querySelectorAll("*")) {
    const name = element.localName;
    assert.ok(ELEMENTS.has(name), `<${name}> from ${JSON.stringify(text)}`);
    const isFormula = Boolean(element.closest(".katex"));
    for (const attribute of element.getAttributeNames()) {
      if (attribute === "style" && isFormula) continue; // set by KaTeX property by property, looked at below
      assert.ok(!FORBIDDEN_ATTRIBUTE.test(attribute), `${name} ${attribute} from ${JSON.stringify(text)}`);
      if (attribute === "href") checkLink(element, text);
    }
    assert.doesNotMatch(element.getAttribute("class") ?? "", OUR_CLASSES);
    assert.doesNotMatch(element.getAttribute("style") ?? "", /url\(|expression|fixed|sticky/);
  }
}

function checkLink(element, text) {
  assert.equal(element.localName, "a");
  assert.match(element.getAttribute("href"), /^(?:https?:\/\/|mailto:)/, text);
  assert.equal(element.getAttribute("rel"), "noopener nofollow ugc");
  assert.equal(element.getAttribute("target"), "_blank");
  assert.equal(element.closest(".katex"), null);
}

test("there are enough hostile texts", () => assert.ok(HOSTILE.length >= 200, String(HOSTILE.length)));

for (const text of HOSTILE) {
  test(`harmless: ${JSON.stringify(text).slice(0, 90)}`, () => {
    const whole = document.createElement("div");
    new DocumentView(whole).show(text);
    check(whole, text);

    const streamed = document.createElement("div");
    const view = new DocumentView(streamed);
    for (let length = 1; length <= text.length; length += 1) view.show(text.slice(0, length));
    check(streamed, text);
    assert.equal(streamed.innerHTML, whole.innerHTML);

    const prompt = document.createElement("div");
    new DocumentView(prompt, { plainly: true }).show(text);
    check(prompt, text);
    assert.equal(prompt.querySelector("a"), null);

    const steps = document.createElement("ol");
    steps.dataset.prefix = "turn-0-A";
    new StepsView(steps).show(text);
    for (const step of steps.querySelectorAll(".step__text")) check(step, text);
  });
}
