import { computed } from "@preact/signals";
import { catalogue, locale, type PluralKey, type TextKey } from "./languages";

export type { PluralKey, TextKey };

type Values = Readonly<Record<string, string | number>>;

const plurals = computed(() => new Intl.PluralRules(locale.value));
const numbers = computed(() => new Intl.NumberFormat(locale.value));

/** The sentence of that name in the language of the page, with `{placeholders}` filled in. */
export function t(key: TextKey, values: Values = {}): string {
  return filled(catalogue.value[key], values);
}

/** The form of a sentence for `count`, which fills `{count}`. */
export function plural(key: PluralKey, count: number, values: Values = {}): string {
  const form = catalogue.value[`${key}.${plurals.value.select(count)}`] ?? catalogue.value[`${key}.other`];
  return filled(form, { ...values, count });
}

function filled(sentence: string, values: Values): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name] ?? whole;
    return typeof value === "number" ? numbers.value.format(value) : value;
  });
}
