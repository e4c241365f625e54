import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: {
      '@': here('.'),
      // It fails on import unless a bundler for servers resolves it; tests are no bundle.
      'server-only': here('./node_modules/server-only/empty.js'),
    },
  },
  test: { include: ['test/**/*.test.{ts,tsx}'] },
})
