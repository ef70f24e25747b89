import en from "./en.json";

/** The name of a sentence in the catalogue. */
export type TextKey = keyof typeof en;

/** The names that come in forms for numbers: `x` where the catalogue has `x.one` and `x.other`. */
export type PluralKey = TextKey extends infer Key ? (Key extends `${infer Base}.other` ? Base : never) : never;

type Values = Readonly<Record<string, string | number>>;

/** The language of the page. */
export const language = "en";
const catalogue: Readonly<Record<TextKey, string>> = en;
const plurals = new Intl.PluralRules(language);

const numbers = new Intl.NumberFormat(language);

/** The sentence of that name, with `{placeholders}` filled in. */
export function t(key: TextKey, values: Values = {}): string {
  return catalogue[key].replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name] ?? whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

/** The form of a sentence for `count`, which fills `{count}`. */
export function plural(key: PluralKey, count: number, values: Values = {}): string {
  const form = `${key}.${plurals.select(count)}`;
  return t((form in catalogue ? form : `${key}.other`) as TextKey, { ...values, count });
}

/** Tells the browser and assistive technology which language the page is in. */
export function declareLanguage(): void {
  document.documentElement.lang = language;
}
