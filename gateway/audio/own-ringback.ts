import type { AudioTools, Prompt } from '../../media/audio-tools.ts'

/** What the caller hears while it rings. */
export class OwnRingback {
  readonly #tools: AudioTools
  readonly #prompt: Prompt
  readonly #onSilent: (reason: string) => void
  #playing = new AbortController()

  constructor(tools: AudioTools, prompt: Prompt, onSilent: (reason: string) => void) {
    this.#tools = tools
    this.#prompt = prompt
    this.#onSilent = onSilent
  }

  /** From its beginning: also again for each target and at its answer, since not every engine plays on when it is told of another port. */
  play(): void {
    this.stop()
    this.#playing = new AbortController()
    const { signal } = this.#playing
    const failed = (error: Error): void => {
      if (!signal.aborted) this.#onSilent(error.message)
    }
    this.#tools.play('caller', this.#prompt, { repeat: true, signal }).catch(failed)
  }

  stop(): void {
    this.#playing.abort()
  }
}
