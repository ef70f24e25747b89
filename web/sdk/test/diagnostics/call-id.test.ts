import { describe, expect, it } from "vitest";
import { callId } from "../../src/diagnostics/call-id.js";

const sdp = (fingerprint: string): string => `v=0\r\na=fingerprint:${fingerprint}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n`;

describe("what both sides call a connection", () => {
  it("is the same on both, however they spell, and what the documentation's example says", async () => {
    const [ada, grace] = [sdp("sha-256 AB:CD"), sdp("SHA-256 01:ef")];
    expect(await callId(ada, grace)).toBe("03f4f55b14276014d47140f9d7c7c28d");
    expect(await callId(grace, ada)).toBe("03f4f55b14276014d47140f9d7c7c28d");
  });

  it("is not known before both have described themselves", async () => {
    expect(await callId(sdp("sha-256 AB:CD"), "v=0\r\n")).toBeUndefined();
  });
});
