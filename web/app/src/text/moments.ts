import { computed } from "@preact/signals";
import { locale } from "./languages";

const times = computed(() => new Intl.DateTimeFormat(locale.value, { timeStyle: "short" }));
const days = computed(() => new Intl.DateTimeFormat(locale.value, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" }));

/** When something was: the time of the day, and before today the day as well. */
export function momentText(time: number): string {
  const today = new Date(time).toDateString() === new Date().toDateString();
  return (today ? times : days).value.format(time);
}
