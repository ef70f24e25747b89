import type { JSX } from "preact";
import { transferNews, transfers, transfersOpen } from "../state/transfers";
import { t } from "../text/text";
import { ChevronIcon } from "./icons";
import { TransferCard } from "./transfer-card";

/** The files that are offered, on their way, or here. Others' offers wait quietly until somebody answers. */
export function TransferPanel(): JSX.Element {
  const all = transfers.value;
  const open = transfersOpen.value;
  return (
    <>
      <p class="unseen-text" role="status">
        {transferNews.value}
      </p>
      {all.length > 0 && (
        <section class="transfers" aria-label={t("files.title")}>
          <header class="transfers-header">
            <h2>{t("files.title")}</h2>
            <button
              type="button"
              class="plain"
              aria-label={t(open ? "files.hide" : "files.show")}
              aria-expanded={open}
              aria-controls="transfers"
              onClick={() => (transfersOpen.value = !open)}
            >
              <ChevronIcon />
            </button>
          </header>
          <ul class="transfers-list" id="transfers" hidden={!open}>
            {all.map((transfer) => (
              <TransferCard key={transfer.key} transfer={transfer} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
