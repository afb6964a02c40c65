package icons

import "math"

// A point lies in the square in which all shapes are drawn: 16 wide, 16 high,
// y downwards.
type point struct{ x, y float64 }

// A shape says which points are in it.
type shape func(p point) bool

func union(shapes ...shape) shape {
	return func(p point) bool {
		for _, s := range shapes {
			if s(p) {
				return true
			}
		}
		return false
	}
}

func (s shape) and(other shape) shape {
	return func(p point) bool { return s(p) && other(p) }
}

func (s shape) without(other shape) shape {
	return func(p point) bool { return s(p) && !other(p) }
}

// polygon is the inside of a closed line.
func polygon(corners ...point) shape {
	return func(p point) bool {
		in := false
		for i, a := range corners {
			b := corners[(i+1)%len(corners)]
			if (a.y > p.y) != (b.y > p.y) && p.x < a.x+(p.y-a.y)/(b.y-a.y)*(b.x-a.x) {
				in = !in
			}
		}
		return in
	}
}

// stroke is a line through points, with round ends and joints.
func stroke(width float64, through ...point) shape {
	return func(p point) bool {
		for i := 1; i < len(through); i++ {
			if distance(p, through[i-1], through[i]) <= width/2 {
				return true
			}
		}
		return false
	}
}

// grown is a polygon and all that is no farther than by from it.
func grown(by float64, corners ...point) shape {
	return union(polygon(corners...), stroke(2*by, append(corners, corners[0])...))
}

// distance is how far p is from the line between a and b.
func distance(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := ((p.x-a.x)*dx + (p.y-a.y)*dy) / (dx*dx + dy*dy)
	t = max(0, min(1, t))
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}

// curve returns points on a cubic Bézier curve, without its start.
func curve(a, b, c, d point) []point {
	const steps = 16
	out := make([]point, 0, steps)
	for i := 1; i <= steps; i++ {
		t := float64(i) / steps
		u := 1 - t
		ka, kb, kc, kd := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
		out = append(out, point{ka*a.x + kb*b.x + kc*c.x + kd*d.x, ka*a.y + kb*b.y + kc*c.y + kd*d.y})
	}
	return out
}
