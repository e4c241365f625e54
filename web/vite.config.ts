import { fileURLToPath } from 'node:url'

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import type { Plugin } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Holds the first paint back until the script has set the theme, so that a dark page never starts white. */
function paintWithTheme(): Plugin {
  return {
    name: 'paint-with-theme',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replaceAll('<script type="module"', '<script type="module" blocking="render"'),
    },
  }
}

export default defineConfig({
  // Relative, so that the pages also work below a path of a reverse proxy.
  base: './',
  plugins: [react(), paintWithTheme()],
  resolve: {
    // The SDK's source: the pages need no build of it.
    alias: [
      { find: /^pointsman$/, replacement: at('../sdk/src/index.ts') },
      { find: /^pointsman\/react$/, replacement: at('../sdk/src/react.ts') },
    ],
    dedupe: ['react', 'react-dom'],
  },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { demo: at('demo.html'), console: at('console.html') } },
  },
  server: {
    fs: { allow: ['..'] },
    proxy: Object.fromEntries(
      ['/v1', '/livez', '/readyz'].map((path) => [
        path,
        { target: process.env['POINTSMAN_URL'] ?? 'http://127.0.0.1:7422', ws: true, changeOrigin: true },
      ]),
    ),
  },
})
