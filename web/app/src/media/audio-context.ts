let context: AudioContext | null = null;

/** The page's one audio graph, for level meters and the ring tone. */
export function audioContext(): AudioContext {
  if (context === null) {
    const created = new AudioContext();
    context = created;
    // Browsers hold sound back until the user has touched the page.
    const resume = () => void created.resume().catch(() => undefined);
    addEventListener("pointerdown", resume);
    addEventListener("keydown", resume);
  }
  void context.resume().catch(() => undefined);
  return context;
}
