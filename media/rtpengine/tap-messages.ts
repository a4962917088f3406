import type { ToolEvent, ToolOrder } from '../relay/tool-messages.ts'
import type { TapSource } from './path-audio.ts'

/** What the thread that listens to copies of calls is told. */
export type ToTapThread =
  /** Copies may be sent to this address of ours from now on; answered with `listening` or `deaf`. */
  | { readonly kind: 'listen'; readonly address: string }
  /** Where a call's copies come from, instead of where they came from before. */
  | { readonly kind: 'sources'; readonly call: number; readonly sources: readonly TapSource[] }
  | { readonly kind: 'order'; readonly call: number; readonly order: ToolOrder }
  /** Its recording is written to its end, which names this reason. */
  | { readonly kind: 'close'; readonly call: number; readonly reason: string }

/** What it tells. */
export type FromTapThread =
  | { readonly kind: 'listening'; readonly address: string; readonly port: number }
  | { readonly kind: 'deaf'; readonly address: string; readonly reason: string }
  | { readonly kind: 'event'; readonly call: number; readonly event: ToolEvent }
