// Runs another implementation's program and gives back all that it printed.
import { spawn } from "node:child_process";

/** Ends the program after `seconds`; some of coturn's tools go on by themselves. */
export async function output(program, args, { seconds = 60, input = "ignore" } = {}) {
  const child = spawn(program, args, { stdio: [input, "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => (text += part));
  const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1_000);
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearTimeout(timer);
  return { code, text };
}
