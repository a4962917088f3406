import { statfs } from 'node:fs/promises'

/** How often the disk's free space is looked at, ms. */
export const DISK_CHECK_MS = 1_000

/** Watches the free space of the data folder's disk: below the limit new calls are refused while there is still room for those in progress. */
export class DiskMonitor {
  readonly #folder: string
  readonly #minFreeBytes: number
  #timer: NodeJS.Timeout | null = null
  #freeBytes = Number.POSITIVE_INFINITY

  private constructor(folder: string, minFreeBytes: number) {
    this.#folder = folder
    this.#minFreeBytes = minFreeBytes
  }

  /** `onCheck` is called after each look. */
  static async start(folder: string, minFreeBytes: number, onCheck: () => void): Promise<DiskMonitor> {
    const monitor = new DiskMonitor(folder, minFreeBytes)
    await monitor.check()
    monitor.#timer = setInterval(() => void monitor.check().then(onCheck), DISK_CHECK_MS).unref()
    return monitor
  }

  get hasRoom(): boolean {
    return this.#freeBytes >= this.#minFreeBytes
  }

  get freeBytes(): number {
    return this.#freeBytes
  }

  async check(): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(this.#folder)
      this.#freeBytes = bavail * bsize
    } catch {
      this.#freeBytes = 0 // A folder that cannot be looked at can hardly be written to.
    }
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer)
  }
}
