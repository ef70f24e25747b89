import type { JSX } from "preact";
import { canChooseSpeaker, devicesOf, type DeviceKind } from "../media/devices";
import { chooseCamera, chooseMicrophone } from "../media/local";
import * as settings from "../state/settings";
import { t } from "../text/text";

const choose: Readonly<Record<DeviceKind, (deviceId: string) => void>> = {
  camera: (deviceId) => void chooseCamera(deviceId),
  microphone: (deviceId) => void chooseMicrophone(deviceId),
  speaker: (deviceId) => {
    settings.speaker.value = deviceId;
  },
};

function Choice({ kind }: { kind: DeviceKind }): JSX.Element | null {
  const found = devicesOf(kind).filter((device) => device.deviceId !== "default");
  if (found.length === 0) return null;
  const label = t(`lobby.${kind}`);
  const chosen = settings[kind].value;
  const value = found.some((device) => device.deviceId === chosen) ? chosen : "";
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      <select value={value} onChange={(event) => choose[kind](event.currentTarget.value)}>
        <option value="">{t("lobby.default-device")}</option>
        {found.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || t("lobby.unnamed-device", { kind: label, number: index + 1 })}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Which camera, microphone and, where the browser lets a page choose it, speaker to use. */
export function DeviceChoice(): JSX.Element {
  return (
    <div class="device-choice">
      <Choice kind="camera" />
      <Choice kind="microphone" />
      {canChooseSpeaker() && <Choice kind="speaker" />}
    </div>
  );
}
