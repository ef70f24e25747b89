import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { mediaSentences } from "../media/errors";
import * as local from "../media/local";
import { Avatar } from "../parts/avatar";
import { Brand } from "../parts/brand";
import { DeviceChoice } from "../parts/device-choice";
import { LanguageChoice } from "../parts/language-choice";
import { LevelMeter } from "../parts/level-meter";
import { LinkRow } from "../parts/link-row";
import { LivePill } from "../parts/live-pill";
import { MediaButtons } from "../parts/media-buttons";
import { NameField } from "../parts/name-field";
import { Picture } from "../parts/picture";
import { RelaySettings } from "../parts/relay-settings";
import { ServerBanner } from "../parts/server-banner";
import { useTitle } from "../parts/title";
import { MicrophoneIcon, WarningIcon } from "../parts/icons";
import { cancelJoin, join } from "../state/call";
import { client } from "../state/client";
import { failure, phase } from "../state/model";
import { name } from "../state/settings";
import { t } from "../text/text";
import { loadCallViews } from "./call-views";

/** Before the call: how one looks and sounds, and under which name one joins. */
export function LobbyView({ link }: { link: string }): JSX.Element {
  const heading = useTitle(t("lobby.title"));
  const nameInput = useRef<HTMLInputElement>(null);
  const submit = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    void local.startMedia();
    void loadCallViews();
    void client.value?.prepare();
    if (name.value === "") nameInput.current?.focus();
    return () => {
      // Into the call the tracks go along; anywhere else they end.
      if (phase.value !== "call") local.stopMedia();
    };
  }, []);

  // In a call the view of it may still be on its way.
  const joining = phase.value === "joining" || phase.value === "call";
  return (
    <div class="lobby">
      <header class="page-header">
        <Brand />
        <LivePill />
      </header>
      <ServerBanner text="error.unreachable" />
      <main>
        <div class="lobby-look">
          <Preview />
          <div class="lobby-level">
            <MicrophoneIcon />
            <LevelMeter />
          </div>
          <MediaProblems />
        </div>
        <form
          class="card lobby-form"
          onSubmit={(event) => {
            event.preventDefault();
            void join(link);
          }}
        >
          <h1 ref={heading} tabIndex={-1}>
            {t("lobby.title")}
          </h1>
          <NameField input={nameInput} />
          {failure.value !== null && (
            <p class="problem" role="alert">
              <WarningIcon />
              <span class="problem-text">{t(failure.value)}</span>
            </p>
          )}
          <button ref={submit} type="submit" class="button primary large" aria-disabled={joining}>
            {t(joining ? "lobby.joining" : "lobby.join")}
          </button>
          {joining && (
            <CancelJoin
              onCancel={() => {
                cancelJoin();
                submit.current?.focus();
              }}
            />
          )}
          <DeviceChoice />
        </form>
        <section class="lobby-link" aria-labelledby="link-title">
          <h2 id="link-title">{t("lobby.link")}</h2>
          <p class="hint">{t("lobby.link-hint")}</p>
          <LinkRow link={link} />
        </section>
        <section class="lobby-settings" aria-labelledby="settings-title">
          <h2 id="settings-title">{t("settings.connection")}</h2>
          <RelaySettings />
          <h2>{t("settings.language")}</h2>
          <LanguageChoice />
        </section>
      </main>
    </div>
  );
}

/** How long joining may take before the user is offered to stop it, in milliseconds. */
const PATIENCE = 1_000;

function CancelJoin({ onCancel }: { onCancel: () => void }): JSX.Element | null {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE);
    return () => clearTimeout(timer);
  }, []);
  if (!late) return null;
  return (
    <button type="button" class="button quiet" onClick={onCancel}>
      {t("lobby.cancel")}
    </button>
  );
}

function Preview(): JSX.Element {
  const shown = local.cameraLive.value;
  return (
    <div class="preview">
      <Picture label={t("call.you")} stream={local.preview.value} own shown={shown} />
      {!shown && <Avatar id="" name={name.value} />}
      {local.starting.value && <p class="tile-note">{t("lobby.starting")}</p>}
      <div class="preview-controls">
        <MediaButtons />
      </div>
    </div>
  );
}

function MediaProblems(): JSX.Element | null {
  const camera = local.cameraProblem.value;
  const microphone = local.microphoneProblem.value;
  const sentences = mediaSentences(camera, microphone);
  if (sentences.length === 0) return null;
  const without =
    camera !== null && microphone !== null
      ? "lobby.without-media"
      : camera !== null
        ? "lobby.without-camera"
        : "lobby.without-microphone";
  return (
    <div class="problem" role="alert">
      <WarningIcon />
      <div class="problem-text">
        {sentences.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
        <p>{t(without)}</p>
      </div>
      <button type="button" class="button quiet small" onClick={() => void local.startMedia()}>
        {t("lobby.try-again")}
      </button>
    </div>
  );
}
