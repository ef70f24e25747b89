// Real browsers with made-up cameras and microphones.
import puppeteer from "puppeteer-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

/** Every wait has a limit of its own; the driver's own, three minutes, is shorter than a large file takes. In milliseconds. */
const LONGEST = 3_600_000;

/**
 * `flags` are given to the program besides; `profile` is the directory where it keeps what it is to know when it is started
 * again. `within`: what goes before the program, to run it somewhere else; it is then spoken to without a network.
 */
export function chromium(flags = [], profile = undefined, within = []) {
  const isElsewhere = within.length > 0;
  return puppeteer.launch({
    userDataDir: profile,
    executablePath: isElsewhere ? "/usr/bin/env" : CHROMIUM,
    headless: true,
    protocolTimeout: LONGEST,
    pipe: isElsewhere,
    ignoreDefaultArgs: isElsewhere,
    args: [
      ...(isElsewhere ? [...within, CHROMIUM, ...puppeteer.defaultArgs()] : []),
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-extensions",
      "--disable-renderer-backgrounding",
      "--disable-backgrounding-occluded-windows",
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream=fps=15",
      // Our test server's certificate is its own; browsers check it for TURN over TLS.
      "--ignore-certificate-errors",
      ...flags,
    ],
  });
}

export function firefox() {
  return puppeteer.launch({
    browser: "firefox",
    executablePath: FIREFOX,
    headless: true,
    protocolTimeout: LONGEST,
    // As above: its own certificate.
    acceptInsecureCerts: true,
    extraPrefsFirefox: {
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      "media.autoplay.default": 0,
      // The test server is on this machine.
      "media.peerconnection.ice.loopback": true,
      "media.gmp-manager.updateEnabled": false,
      "network.connectivity-service.enabled": false,
      "network.captive-portal-service.enabled": false,
    },
  });
}
