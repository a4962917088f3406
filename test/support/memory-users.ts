import { StoreConflict, type Stores } from '../../api/needs.ts'
import type { ApiKey, User } from '../../model/account.ts'
import { newId, type UserId } from '../../model/ids.ts'

// Who may come in, in memory: the users, keys and refresh tokens of memory-stores.ts.

export function users(tick: () => Promise<void>): Stores['users'] {
  const all = new Map<string, User>()
  const byEmail = (email: string) => [...all.values()].find((user) => user.email === email) ?? null
  return {
    async create(draft) {
      await tick()
      if (byEmail(draft.email)) throw new StoreConflict('email', 'the email is taken')
      const now = new Date()
      const user: User = { ...draft, id: newId<UserId>(), version: 1, createdAt: now, updatedAt: now }
      all.set(user.id, user)
      return user
    },
    async findByEmail(email) {
      await tick()
      return byEmail(email)
    },
    find: async (id) => all.get(id) ?? null,
    async setPassword(id, passwordHash) {
      const user = all.get(id)
      if (user) all.set(id, { ...user, passwordHash })
    },
  }
}

export function apiKeys(tick: () => Promise<void>): Stores['apiKeys'] {
  const all = new Map<string, ApiKey>()
  return {
    async create(draft) {
      const key: ApiKey = { ...draft, id: newId(), createdAt: new Date() }
      all.set(key.id, key)
      return key
    },
    list: async (accountId) => [...all.values()].filter((key) => key.accountId === accountId),
    async findBySecretHash(hash) {
      await tick()
      return [...all.values()].find((key) => key.secretHash === hash) ?? null
    },
    remove: async (accountId, id) => all.get(id)?.accountId === accountId && all.delete(id),
  }
}

export function refreshTokens(): Stores['refreshTokens'] {
  const all = new Map<string, { userId: UserId; expiresAt: Date }>()
  return {
    async add({ hash, userId, expiresAt }) {
      all.set(hash, { userId, expiresAt })
    },
    async take(hash) {
      const found = all.get(hash) ?? null
      all.delete(hash)
      return found
    },
    async removeAllOf(userId) {
      for (const [hash, token] of all) if (token.userId === userId) all.delete(hash)
    },
  }
}
