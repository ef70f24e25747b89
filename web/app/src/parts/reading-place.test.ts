import { beforeEach, expect, it } from "vitest";
import { ReadingPlace } from "./reading-place";

const LINE = 20;

/** A log in which ten lines are to be seen at a time. */
class Log {
  scrollTop = 0;
  clientHeight = 10 * LINE;
  lines = 0;
  get scrollHeight(): number {
    return Math.max(this.lines * LINE, this.clientHeight);
  }
  scrollTo({ top }: { top: number }): void {
    this.scrollTop = Math.min(top, this.scrollHeight - this.clientHeight);
  }
  getBoundingClientRect = () => ({ top: 0 });
  querySelectorAll = () => [];
}

let log: Log;
let place: ReadingPlace;
const element = () => log as unknown as HTMLElement;

beforeEach(() => {
  log = new Log();
  place = new ReadingPlace();
});

/** So many lines come. */
function come(count: number): void {
  place.remember(element());
  log.lines += count;
  place.keep(element(), log.lines);
}

/** The user scrolls to where so many lines are below what is to be seen. */
function scrollTo(below: number): void {
  log.scrollTo({ top: log.scrollHeight - log.clientHeight - below * LINE });
  place.follow(element());
}

it("has seen every line at the end, and goes on with them", () => {
  for (let line = 0; line < 30; line++) come(1);
  expect([place.unseen.value, log.scrollTop]).toEqual([0, 20 * LINE]);
});

it("counts the lines that come while earlier ones are read, until the end is reached", () => {
  come(30);
  scrollTo(5);
  expect(place.unseen.value).toBe(0);
  come(1);
  come(2);
  expect([place.unseen.value, log.scrollTop]).toEqual([3, 15 * LINE]);
  scrollTo(4);
  expect(place.unseen.value).toBe(3);
  // Most of the latest line is to be seen.
  scrollTo(1);
  expect(place.unseen.value).toBe(0);
  scrollTo(5);
  come(1);
  expect(place.unseen.value).toBe(1);
  place.toEnd(element());
  expect([place.unseen.value, log.scrollTop]).toEqual([0, 24 * LINE]);
  come(1);
  expect(place.unseen.value).toBe(0);
});

it("counts what comes before the browser has told of the scrolling", () => {
  come(30);
  log.scrollTo({ top: 0 });
  come(1);
  expect([place.unseen.value, log.scrollTop]).toEqual([1, 0]);
});

it("counts nothing of what is only drawn anew", () => {
  come(30);
  scrollTo(5);
  come(0);
  expect(place.unseen.value).toBe(0);
});
