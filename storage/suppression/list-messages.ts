import type { SuppressionListId } from '../../model/ids.ts'
import type { ImportOutcome } from '../../model/suppression-list.ts'
import type { ConnectionOptions } from '../postgres.ts'
import type { ListWrite } from './write-list.ts'

/** What a thread for a list is begun with. */
export type ListTask =
  | {
      readonly kind: 'import'
      readonly connection: ConnectionOptions
      readonly write: Omit<ListWrite, 'waits'>
    }
  /** `after`: the revision whose numbers are there already; null: there are none, which calls wait for. */
  | {
      readonly kind: 'load'
      readonly connection: ConnectionOptions
      readonly listId: SuppressionListId
      readonly after: number | null
    }

/** What an importing thread is told: the file, piece by piece, and its end. */
export type ListOrder = { readonly bytes: Uint8Array } | 'end'

/** What a thread says. */
export type ListWord =
  /** So many bytes of the file have been read, and so many lines seen. */
  | { readonly kind: 'read'; readonly bytes: number; readonly lines: number }
  | { readonly kind: 'imported'; readonly outcome: ImportOutcome; readonly bookVersion: number }
  | { readonly kind: 'area'; readonly area: number; readonly packed: Uint8Array }
  /** `list`: its row as it was when the numbers were read; null: there is none. */
  | {
      readonly kind: 'loaded'
      readonly list: Record<string, unknown> | null
      readonly isWhole: boolean
      readonly damage: string | null
    }
  /** `reason`: what the other side makes an error of. */
  | {
      readonly kind: 'failed'
      readonly reason: 'bad_import' | 'busy' | 'gone' | 'away' | 'other'
      readonly message: string
    }
