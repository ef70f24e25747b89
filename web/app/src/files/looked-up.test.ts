import { expect, it } from "vitest";
import { lookedUp } from "./looked-up";

it("asks each file once, and lets others have their turn meanwhile", async () => {
  let [asked, turns] = [0, 0];
  const files = Array.from({ length: 30 }, (_, index) => {
    const file = new File(["x".repeat(index)], `${index}.txt`, { lastModified: 7 });
    const slow = () => {
      asked += 1;
      for (const end = performance.now() + 3; performance.now() < end; );
      return index;
    };
    return Object.defineProperty(file, "size", { get: slow });
  });
  const turn = setInterval(() => (turns += 1));
  const known = await lookedUp([...files, { file: files[0] as File, path: "a/b.txt" }]);
  clearInterval(turn);
  expect(asked).toBe(31);
  expect(turns).toBeGreaterThan(3);
  expect(known[2]).toMatchObject({ path: "2.txt", size: 2, modified: 7 });
  expect(known[30]).toMatchObject({ path: "a/b.txt", size: 0 });
});
