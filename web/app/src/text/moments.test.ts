import { expect, it } from "vitest";
import { momentText } from "./moments";

it("a moment of today is told by the clock, an earlier one with its day", () => {
  const noon = new Date();
  noon.setHours(12, 0, 0, 0);
  expect(momentText(noon.getTime())).toMatch(/^12:00\sPM$/);
  expect(momentText(new Date(2020, 10, 24, 20, 43).getTime())).toMatch(/^Nov 24, 8:43\sPM$/);
});
