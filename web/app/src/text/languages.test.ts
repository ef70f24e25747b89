import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clockText, listText, percentText, sizeText, timeLeftText } from "./amounts";
import { chooseLanguage, language, localeOf, preferredLanguage } from "./languages";
import { plural, t } from "./text";

describe("the language of the page", () => {
  beforeEach(() => vi.stubGlobal("document", { documentElement: { lang: "" } }));
  afterEach(async () => {
    await chooseLanguage("en");
    vi.unstubAllGlobals();
  });

  it.each([
    [["vi-VN", "en"], "vi"],
    [["fr", "zh-TW", "en"], "zh"],
    [["en-GB", "vi"], "en"],
    [["fr-FR"], "en"],
    [[], "en"],
  ])("for a browser that asks for %j is %s", (wanted, chosen) => {
    expect(preferredLanguage(wanted)).toBe(chosen);
  });

  it("writes numbers and times as in the user's country", () => {
    expect(localeOf("en", ["vi", "en-GB"])).toBe("en-GB");
    expect(localeOf("zh", ["zh-TW"])).toBe("zh-Hans");
    expect(localeOf("vi", ["en-US"])).toBe("vi");
  });

  it("changes at once", async () => {
    await chooseLanguage("zh");
    expect([language.value, document.documentElement.lang]).toEqual(["zh", "zh-Hans"]);
    expect([t("lobby.join"), plural("call.people", 1), plural("files.count", 5000)]).toEqual(["加入", "1 人", "5,000 个文件"]);
    expect([sizeText(999), timeLeftText(61), listText(["甲", "乙"])]).toEqual(["999字节", "剩余 1 分钟", "甲和乙"]);
    await chooseLanguage("vi");
    expect([language.value, document.documentElement.lang]).toEqual(["vi", "vi"]);
    expect([t("lobby.join"), plural("files.count", 5000), sizeText(1_230_000)]).toEqual(["Tham gia", "5.000 tệp", "1,2 MB"]);
    expect(percentText(0.5)).toBe("50%");
    expect(clockText(new Date(2026, 0, 1, 14, 5).getTime())).toBe("14:05");
  });

  it("is the one that was asked for last, whichever comes first", async () => {
    await Promise.all([chooseLanguage("zh"), chooseLanguage("en")]);
    expect(language.value).toBe("en");
  });
});
