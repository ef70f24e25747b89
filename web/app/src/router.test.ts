import { describe, expect, it } from "vitest";
import { parseRoute } from "./router";

const secret = "A".repeat(42) + "8";

describe("an address", () => {
  it("without a channel is the start page", () => {
    expect(parseRoute("https://call.example/")).toEqual({ view: "start" });
    expect(parseRoute("https://call.example/elsewhere")).toEqual({ view: "start" });
  });

  it("of the check is that", () => {
    expect(parseRoute("https://call.example/check")).toEqual({ view: "check" });
    expect(parseRoute("https://call.example/check/")).toEqual({ view: "check" });
  });

  it("with a secret is that channel, whether or not the slash is there", () => {
    const route = { view: "channel", link: `https://call.example/c/#v1.${secret}` };
    expect(parseRoute(`https://call.example/c/#v1.${secret}`)).toEqual(route);
    expect(parseRoute(`https://call.example/c#v1.${secret}`)).toEqual(route);
  });

  it("keeps nothing of a query in the link that people share", () => {
    expect(parseRoute(`https://call.example/c/?from=mail#v1.${secret}`)).toEqual({
      view: "channel",
      link: `https://call.example/c/#v1.${secret}`,
    });
  });

  it.each(["", "#", "#v1.", "#v1.short", `#v2.${secret}`, `#v1.${secret}x`, `#v1.${secret.slice(1)}!`])(
    "with the fragment %j is no link",
    (fragment) => {
      expect(parseRoute(`https://call.example/c/${fragment}`)).toEqual({ view: "invalid" });
    },
  );
});
