import { audioContext } from "./audio-context";

/** Loudness on a scale of 0 (silence, −60 dBFS) to 1 (−12 dBFS and above). */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.min(1, Math.max(0, (decibels + 60) / 48));
}

/** Tells the loudness of a track ten times a second. Returns what stops it. */
export function watchLevel(track: MediaStreamTrack, listener: (level: number) => void): () => void {
  const audio = audioContext();
  const source = audio.createMediaStreamSource(new MediaStream([track]));
  const analyser = audio.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    listener(loudness(samples));
  }, 100);
  return () => {
    clearInterval(timer);
    source.disconnect();
  };
}
