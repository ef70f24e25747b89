// Messages are answered, by keyboard as well; and who was away reads what the others wrote meanwhile.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { adaMeetsGrace, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

/** Milliseconds for which the server keeps the place of a page that is gone without a word (docs/signaling.md §5). */
const GRACE = 60_000;
const PATIENCE = { timeout: 60_000, polling: 100 };

/** What stands in the log, in its order. */
const lines = (call) => call.page.$$eval("[role=log] .chat-missed, [role=log] .line-text", (all) => all.map(({ textContent }) => textContent));

/** What the focus is on: its accessible name and the description. */
async function focused(call) {
  const snapshot = await call.page.accessibility.snapshot({ interestingOnly: false });
  const find = (node) => (node.focused ? node : (node.children ?? []).map(find).find(Boolean));
  // The document has the focus, too; the innermost is meant.
  const innermost = (node) => (node.children ?? []).map(find).find(Boolean) ?? node;
  const { role, name, description } = innermost(find(snapshot));
  return { role, name, description };
}

test("of a long conversation the latest lines are drawn, and the others on demand", async () => {
  const browser = await chromium();
  try {
    const { ada, grace } = await adaMeetsGrace([browser, browser], server.url);
    await Promise.all([ada.openChat(), grace.openChat()]);
    await ada.say("The first of many");
    await grace.reads("The first of many");
    await grace.page.click(".line:last-child .line-reply");
    for (let count = 1; count <= 120; count += 1) await ada.say(`Line ${count}`);
    await grace.reads("Line 120");
    await grace.say("An answer to it");
    const drawn = () => grace.page.$$eval(".line", (all) => all.length);
    const topOf = (text) => grace.page.$$eval(".line-text", (all, wanted) => all.find(({ textContent }) => textContent === wanted)?.getBoundingClientRect().top, text);
    await grace.reads("An answer to it");
    assert.equal(await drawn(), 100);

    // What is in view stays there, where the button was or a little below.
    await grace.page.$eval("[role=log]", (log) => log.scrollTo({ top: 0 }));
    const before = await topOf("Line 22");
    await grace.page.focus(".chat-earlier");
    await grace.page.keyboard.press("Enter");
    await grace.reads("The first of many");
    assert.equal(await drawn(), 122);
    assert.ok(Math.abs((await topOf("Line 22")) - before) < 60, "it jumped away");

    // The button is gone, and the focus on the line above those that were there: the arrows go on from it, and Escape closes the chat.
    assert.match(await grace.page.evaluate(() => document.activeElement.querySelector(".line-text")?.textContent ?? ""), /^Line 21$/);
    await grace.page.keyboard.press("ArrowDown");
    assert.deepEqual(await focused(grace), { role: "button", name: "Reply", description: "Line 21" });
    await grace.page.keyboard.press("Escape");
    await grace.page.waitForFunction(() => !document.querySelector(".chat"), PATIENCE);

    // Opened again, it is as at first; and a quote leads to a line that is not drawn.
    await grace.openChat();
    assert.equal(await drawn(), 100);
    await grace.page.click("button.line-answered");
    await grace.page.waitForFunction(() => document.activeElement.matches(".line") && document.activeElement.textContent.includes("The first of many"), PATIENCE);
    assert.equal(await drawn(), 122);
  } finally {
    await browser.close();
  }
});

test("who reads earlier lines is left there by what others write, and who is at the end follows it", async () => {
  const browser = await chromium();
  try {
    const { ada, grace } = await adaMeetsGrace([browser, browser], server.url);
    await Promise.all([ada.openChat(), grace.openChat()]);
    for (let count = 1; count <= 60; count += 1) await ada.say(`Line ${count}`);
    await grace.reads("Line 60");
    const log = await grace.page.$("[role=log]");
    const below = () => log.evaluate(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight);
    assert.ok((await below()) < 2, "it shows the latest line");

    assert.equal(await grace.page.$(".chat-new"), null);

    const readsFurtherUp = () => log.evaluate((element) => element.scrollTo({ top: element.scrollHeight / 2 }));
    const hasNoSign = () => grace.page.waitForFunction(() => !document.querySelector(".chat-new"), PATIENCE);
    await readsFurtherUp();
    const at = await log.evaluate(({ scrollTop }) => scrollTop);
    await ada.say("Something new");
    await grace.reads("Something new");
    assert.equal(await log.evaluate(({ scrollTop }) => scrollTop), at);
    await grace.see("button", "1 new message");
    await ada.say("Something more");
    await grace.see("button", "2 new messages");
    assert.equal(await grace.page.evaluate(() => document.activeElement.tagName), "TEXTAREA", "it takes nobody's focus");

    // By a pointer it leads to the end, and the focus stays where one writes.
    await grace.page.click(".chat-new button");
    await hasNoSign();
    assert.ok((await below()) < 2);
    assert.equal(await grace.page.evaluate(() => document.activeElement.tagName), "TEXTAREA");

    // By keyboard it is one step back from there, and one goes on from the latest line.
    await readsFurtherUp();
    await ada.say("Once more");
    await grace.see("button", "1 new message");
    await grace.page.keyboard.down("Shift");
    await grace.page.keyboard.press("Tab");
    await grace.page.keyboard.up("Shift");
    assert.deepEqual(await focused(grace), { role: "button", name: "1 new message", description: undefined });
    await grace.page.keyboard.press("Enter");
    await hasNoSign();
    assert.ok((await below()) < 2);
    assert.match(await grace.page.evaluate(() => document.activeElement.textContent), /Once more/);

    // Whoever scrolls to the end has seen it.
    await readsFurtherUp();
    await ada.say("At last");
    await grace.see("button", "1 new message");
    await log.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    await hasNoSign();

    await readsFurtherUp();

    // What one writes oneself one sees; and from there on what is answered.
    await grace.say("An answer");
    await grace.reads("An answer");
    assert.ok((await below()) < 2);
    assert.equal(await grace.page.$(".chat-new"), null);
    await ada.say("And on");
    await grace.reads("And on");
    assert.ok((await below()) < 2);

    // A smaller window, a keyboard on the screen: the end is still the end.
    await grace.page.setViewport({ width: 390, height: 500 });
    await ada.say("And further");
    await grace.reads("And further");
    assert.ok((await below()) < 2);
  } finally {
    await browser.close();
  }
});

test("a message is answered by keyboard alone, and its quote leads to it", async () => {
  const browser = await chromium();
  try {
    const { ada, grace } = await adaMeetsGrace([browser, browser], server.url);
    await Promise.all([ada.openChat(), grace.openChat()]);
    await ada.say("Shall we **begin**?");
    await grace.reads("Shall we begin?");
    // From where one writes, back to the latest line.
    await grace.page.focus("textarea");
    await grace.page.keyboard.down("Shift");
    await grace.page.keyboard.press("Tab");
    await grace.page.keyboard.up("Shift");
    assert.deepEqual(await focused(grace), { role: "button", name: "Reply", description: "Shall we begin?" });
    await grace.page.keyboard.press("Enter");
    await grace.page.waitForFunction(() => document.querySelector(".chat-form .quote")?.textContent.includes("In reply to Ada Shall we begin?"), PATIENCE);
    await grace.page.waitForFunction(() => document.activeElement?.tagName === "TEXTAREA", PATIENCE);
    await grace.page.keyboard.type("We shall.");
    await grace.page.keyboard.press("Enter");
    await ada.reads("We shall.");
    assert.equal(await grace.page.$(".chat-form .quote"), null, "the next one answers nothing");

    // Ada goes up from the latest line's button to its quote, and by that to the original.
    await ada.page.focus(".line:last-child .line-reply");
    await ada.page.keyboard.press("ArrowUp");
    assert.deepEqual(await focused(ada), { role: "button", name: "In reply to You Shall we begin?", description: undefined });
    await ada.page.keyboard.press("Enter");
    assert.match(await ada.page.evaluate(() => document.activeElement.textContent), /Shall we begin\?/);
    await ada.page.keyboard.press("ArrowDown");
    assert.deepEqual(await focused(ada), { role: "button", name: "Reply", description: "Shall we begin?" });
    // Escape gives the answer up first, and closes the chat then.
    await ada.page.keyboard.press("Enter");
    await ada.page.waitForSelector(".chat-form .quote", PATIENCE);
    await ada.page.keyboard.press("Escape");
    await ada.page.waitForFunction(() => document.querySelector(".chat") && !document.querySelector(".chat-form .quote"), PATIENCE);
    await ada.page.keyboard.press("Escape");
    await ada.page.waitForFunction(() => !document.querySelector(".chat"), PATIENCE);
    ada.hadNoProblems();
  } finally {
    await browser.close();
  }
});

for (const [name, other] of Object.entries({ Chromium: chromium, Firefox: firefox })) {
  test(`a page of ${name} that is loaded again takes its old place, keeps the chat, and reads what was written meanwhile`, async () => {
    const browsers = await Promise.all([chromium(), other()]);
    try {
      const { ada, grace } = await adaMeetsGrace(browsers, server.url);
      await Promise.all([ada.openChat(), grace.openChat()]);
      await ada.say("before");
      await grace.reads("before");
      await grace.say("mine");
      await ada.reads("mine");
      await grace.page.reload();
      await grace.see("button", "Join");
      await ada.say("meanwhile");
      await grace.join();
      const joined = Date.now();
      await everybodyMeets(ada, grace);
      // Long before the server gives a lost page up.
      await ada.page.waitForFunction(() => document.querySelectorAll("video[aria-label='Grace']").length === 1, { ...PATIENCE, timeout: GRACE / 2 });
      console.log(`${name}: one tile of Grace ${Date.now() - joined} ms after she joined again`);
      assert.deepEqual(await grace.participants(), ["Ada"], "not herself");
      await grace.openChat();
      await grace.reads("meanwhile");
      await ada.say("after");
      await grace.reads("after");
      assert.deepEqual(await lines(grace), ["before", "mine", "While you were away", "meanwhile", "after"]);
      assert.equal((await ada.participants()).length, 1);
      await grace.press("Leave");
      await grace.see("button", "Join again");
      assert.equal(await grace.page.evaluate(() => sessionStorage.getItem("peerline.chat")), null, "who leaves keeps nothing");
    } finally {
      await Promise.all(browsers.map((browser) => browser.close()));
    }
  });
}
