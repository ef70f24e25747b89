/** A part of the English catalogue (vite.config.ts): typed as the whole, which it is as soon as a call is shown. */
declare module "*/en.json?start" {
  const part: typeof import("./en.json");
  export default part;
}

declare module "*/en.json?call" {
  const part: Partial<typeof import("./en.json")>;
  export default part;
}

declare module "*/en.json?check" {
  const part: Partial<typeof import("./en.json")>;
  export default part;
}
