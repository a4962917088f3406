import { MediaUnavailable } from '../media-server.ts'
import type { MediasoupWorker, Router } from './mediasoup-api.ts'
import type { RouterCodecs } from './router-codecs.ts'
import type { Seat, WorkerPool } from './worker-pool.ts'

/** A call's router in one worker. */
export interface Room {
  readonly seat: Seat
  readonly worker: MediasoupWorker
  readonly router: Router
}

/** The routers of one call: one in the worker of its first leg, and another where a later leg is in another worker. */
export class Rooms {
  readonly codecs: RouterCodecs
  readonly #pool: WorkerPool
  readonly #pipeFrom: number
  readonly #rooms = new Map<MediasoupWorker, Promise<Room>>()
  #home: MediasoupWorker | null = null
  #closed = false

  constructor(pool: WorkerPool, codecs: RouterCodecs, pipeFrom: number) {
    this.#pool = pool
    this.codecs = codecs
    this.#pipeFrom = pipeFrom
  }

  /**
   * Where another leg is to be: with the first one, unless it `mayMove` (a browser's keys are the work, where a pipe is little) and another
   * worker has that much less to do. Rejects with MediaUnavailable when no worker runs.
   */
  async enter(mayMove: boolean): Promise<Room> {
    const byLoad = this.#pool.byLoad
    const [idlest] = byLoad
    if (idlest === undefined) throw new MediaUnavailable('no mediasoup worker runs')
    const home = byLoad.find(({ worker }) => worker === this.#home)
    if (this.#home !== null && home === undefined) throw new MediaUnavailable('the mediasoup worker of the call died')
    const seat = home && !(mayMove && home.legs - idlest.legs >= this.#pipeFrom) ? home : idlest
    this.#home ??= seat.worker
    seat.legs++ // Before the wait, so that calls arriving together are spread too.
    try {
      const room = await this.#roomIn(seat, seat.worker)
      if (this.#closed) throw new MediaUnavailable('the media session is closed')
      return room
    } catch (error) {
      this.leave({ seat, worker: seat.worker })
      if (error instanceof MediaUnavailable) throw error
      throw new MediaUnavailable(`mediasoup: ${(error as Error).message}`)
    }
  }

  leave({ seat, worker }: Pick<Room, 'seat' | 'worker'>): void {
    if (seat.worker === worker) seat.legs-- // Of one that died none are counted.
  }

  isIn(worker: MediasoupWorker): boolean {
    return this.#rooms.has(worker)
  }

  close(): void {
    this.#closed = true
    for (const room of this.#rooms.values())
      void room.then(
        ({ router }) => router.close(),
        () => {},
      )
  }

  #roomIn(seat: Seat, worker: MediasoupWorker): Promise<Room> {
    let room = this.#rooms.get(worker)
    if (room === undefined) {
      const mediaCodecs = this.codecs.forRouter()
      room = worker.createRouter({ mediaCodecs }).then((router) => ({ seat, worker, router }))
      this.#rooms.set(worker, room)
    }
    return room
  }
}
