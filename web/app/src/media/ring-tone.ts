import { audioContext } from "./audio-context";

/** Two soft notes, every three seconds, in hertz. */
const NOTES = [587, 784] as const;
const EVERY = 3_000;

/** Rings until the returned function is called. Silent where the browser holds sound back. */
export function ringTone(): () => void {
  const audio = audioContext();
  const gain = audio.createGain();
  gain.connect(audio.destination);
  const strike = () => {
    navigator.vibrate?.([200, 120, 200]);
    if (audio.state !== "running") return;
    for (const [index, frequency] of NOTES.entries()) {
      const at = audio.currentTime + index * 0.22;
      const note = audio.createOscillator();
      const envelope = audio.createGain();
      note.frequency.value = frequency;
      envelope.gain.setValueAtTime(0, at);
      envelope.gain.linearRampToValueAtTime(0.12, at + 0.02);
      envelope.gain.exponentialRampToValueAtTime(0.001, at + 0.9);
      note.connect(envelope).connect(gain);
      note.start(at);
      note.stop(at + 1);
    }
  };
  strike();
  const timer = setInterval(strike, EVERY);
  return () => {
    clearInterval(timer);
    gain.disconnect();
  };
}
