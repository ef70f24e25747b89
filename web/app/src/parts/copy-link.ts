import { notify } from "../state/notices";
import { t } from "../text/text";

/** Copies the link of the call, and says so. */
export async function copyLink(link: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(link);
    notify(t("link.copied"));
  } catch {
    notify(t("link.not-copied"));
  }
}
