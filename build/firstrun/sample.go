package firstrun

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver
)

// How much the sample shop sells.
const (
	sampleCustomers = 600
	sampleProducts  = 180
	sampleOrders    = 2500
)

const sampleSchema = `
CREATE TABLE customers (
	id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL, email TEXT NOT NULL UNIQUE, since TEXT NOT NULL);
CREATE TABLE products (
	id INTEGER PRIMARY KEY, name TEXT NOT NULL, price_kurus INTEGER NOT NULL CHECK (price_kurus > 0), stock INTEGER NOT NULL);
CREATE TABLE orders (
	id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), ordered_at TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE order_lines (
	order_id INTEGER NOT NULL REFERENCES orders(id), line INTEGER NOT NULL, product_id INTEGER NOT NULL REFERENCES products(id),
	quantity INTEGER NOT NULL, price_kurus INTEGER NOT NULL, PRIMARY KEY (order_id, line)) WITHOUT ROWID;
CREATE INDEX orders_by_customer ON orders(customer_id, ordered_at);
CREATE VIEW order_totals AS
	SELECT order_id, sum(quantity * price_kurus) AS total_kurus FROM order_lines GROUP BY order_id;
`

var (
	firstNames = strings.Fields("Ayşe Fatma Zeynep Elif Merve Gül Şule Çiğdem Özlem Işıl Nuray Mehmet Mustafa Ali Hüseyin İbrahim Ömer Uğur Çağrı Şükrü Oğuz Tuğrul")
	lastNames  = strings.Fields("Yılmaz Kaya Demir Şahin Çelik Yıldız Öztürk Aydın Arslan Doğan Kılıç Çetin Güneş Işık Köse Özdemir Şimşek Ünal")
	cities     = strings.Fields("İstanbul Ankara İzmir Bursa Muğla Şanlıurfa Çanakkale Kırşehir Iğdır Eskişehir Diyarbakır Niğde")
	goods      = []string{"Çay bardağı", "Şekerlik", "İznik tabağı", "Bakır cezve", "Kilim", "Zeytinyağı sabunu", "Lokum kutusu", "Nazar boncuğu", "Kahve fincanı", "Yün battaniye"}
	variants   = strings.Fields("küçük orta büyük kırmızı yeşil mavi altılı onikili ince kalın doğal işlemeli oymalı düz hediyelik lüks köy şehir")
	statuses   = strings.Fields("new paid shipped done refunded")
)

// MakeSample writes the sample shop to path unless a file is there already. The
// same shop comes out every time. A half-made one never has that name.
func MakeSample(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for the sample: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder of the sample: %w", err)
	}
	temp := path + ".new"
	if err := os.RemoveAll(temp); err != nil {
		return fmt.Errorf("remove an unfinished sample: %w", err)
	}
	db, err := sql.Open("sqlite", temp)
	if err != nil {
		return fmt.Errorf("open sample: %w", err)
	}
	if err := errors.Join(fillSample(ctx, db), db.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("finish sample: %w", err)
	}
	return nil
}

func fillSample(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, sampleSchema); err != nil {
		return fmt.Errorf("create sample tables: %w", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("fill sample: %w", err)
	}
	defer tx.Rollback()
	s := shop{ctx: ctx, tx: tx, rnd: rand.New(rand.NewPCG(1923, 10))}
	s.people()
	s.products()
	s.orders()
	if s.err != nil {
		return fmt.Errorf("fill sample: %w", s.err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("fill sample: %w", err)
	}
	return nil
}

// A shop writes rows until the first error.
type shop struct {
	ctx    context.Context
	tx     *sql.Tx
	rnd    *rand.Rand
	prices []int
	err    error
}

func (s *shop) insert(table string, values ...any) {
	if s.err != nil {
		return
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(values)), ",")
	_, s.err = s.tx.ExecContext(s.ctx, "INSERT INTO "+table+" VALUES ("+marks+")", values...)
}

func (s *shop) pick(words []string) string { return words[s.rnd.IntN(len(words))] }

func (s *shop) day() time.Time {
	return time.Date(2024, 1, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(s.rnd.IntN(700*24*60)) * time.Minute)
}

func (s *shop) people() {
	for id := 1; id <= sampleCustomers; id++ {
		name := s.pick(firstNames) + " " + s.pick(lastNames)
		s.insert("customers", id, name, s.pick(cities), fmt.Sprintf("musteri%d@ornek.example", id), s.day().Format(time.DateOnly))
	}
}

func (s *shop) products() {
	s.prices = make([]int, sampleProducts+1)
	for id := 1; id <= sampleProducts; id++ {
		s.prices[id] = 990 + 10*s.rnd.IntN(9000)
		name := fmt.Sprintf("%s, %s", goods[(id-1)%len(goods)], variants[(id-1)/len(goods)%len(variants)])
		s.insert("products", id, name, s.prices[id], s.rnd.IntN(500))
	}
}

func (s *shop) orders() {
	for id := 1; id <= sampleOrders; id++ {
		s.insert("orders", id, 1+s.rnd.IntN(sampleCustomers), s.day().Format(time.DateTime), s.pick(statuses))
		for line := 1; line <= 1+s.rnd.IntN(4); line++ {
			product := 1 + s.rnd.IntN(sampleProducts)
			s.insert("order_lines", id, line, product, 1+s.rnd.IntN(5), s.prices[product])
		}
	}
}
