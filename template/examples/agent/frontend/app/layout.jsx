import './page.css'

export const metadata = { title: 'Briefings', description: 'Hand in documents and a question.' }

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <header>
          <a href="/">Briefings</a>
        </header>
        <main>{children}</main>
      </body>
    </html>
  )
}
