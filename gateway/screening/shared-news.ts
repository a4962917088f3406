import type { CallNews } from '../needs.ts'

/** The news of other gateways, for several that each hear all of it: it is listened to once. */
export class SharedNews implements CallNews {
  readonly #news: CallNews
  readonly #hearers: ((news: string) => void)[] = []
  #listening: Promise<void> | null = null

  constructor(news: CallNews) {
    this.#news = news
  }

  get untold(): number {
    return this.#news.untold
  }

  tell(news: string): void {
    this.#news.tell(news)
  }

  /** Whoever comes later does not hear what was told before. */
  listen(hear: (news: string) => void): Promise<void> {
    this.#hearers.push(hear)
    this.#listening ??= this.#news.listen((news) => {
      for (const each of this.#hearers) each(news)
    })
    return this.#listening
  }

  close(): void {
    this.#news.close()
  }
}
