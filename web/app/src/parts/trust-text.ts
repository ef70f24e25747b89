import type { Verification } from "peerline";
import { contactOf, sameName, trustIn } from "../state/contacts";
import { t } from "../text/text";

/** In a few words, whether somebody is who they seem to be. */
export function trustText(name: string, verification: Pick<Verification, "state" | "identity"> | undefined): string {
  switch (trustIn(name, verification)) {
    case "verified": {
      const then = contactOf(verification?.identity)?.name ?? "";
      return then === "" || sameName(then, name) ? t("verify.verified") : t("verify.verified-as", { name: then });
    }
    case "changed":
      return t("verify.changed", { name });
    case "broken":
      return t("verify.broken");
    case "unverified":
      return t("verify.not-verified");
    case "unknown":
      return t("verify.not-yet");
  }
}
