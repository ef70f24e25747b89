import { describe, expect, it } from "vitest";
import { listText, percentText, sizeText, speedText, timeLeftText } from "./amounts";

describe("amounts in words", () => {
  it.each([
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1000, "1 kB"],
    [1234, "1.2 kB"],
    [45_600, "46 kB"],
    [999_999, "1 MB"],
    [2_147_483_648, "2.1 GB"],
    [5e15, "5,000 TB"],
  ])("a size of %d bytes is %s", (bytes, words) => {
    expect(sizeText(bytes)).toBe(words);
  });

  it("a part is not whole before its end", () => {
    expect([percentText(0), percentText(0.999), percentText(1)]).toEqual(["0%", "99%", "100%"]);
  });

  it("a speed has its unit", () => {
    expect(speedText(34_400_000)).toBe("34 MB/s");
    expect(speedText(0)).toBe("0 byte/s");
  });

  it.each([
    [0.2, "1 second left"],
    [12.1, "13 seconds left"],
    [61, "1 minute left"],
    [3000, "50 minutes left"],
    [7200, "2 hours left"],
    [400_000, "5 days left"],
  ])("%d seconds: %s", (seconds, words) => {
    expect(timeLeftText(seconds)).toBe(words);
  });

  it("names stand in one phrase", () => {
    expect(listText(["a.txt", "b.txt"])).toBe("a.txt and b.txt");
  });
});
