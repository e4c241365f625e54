import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { alias: [{ find: /^pointsman$/, replacement: new URL('src/index.ts', import.meta.url).pathname }] },
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
    environmentOptions: { happyDOM: { url: 'http://page.test/' } },
    testTimeout: 30_000,
  },
})
