package server

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/sse"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/version"
)

// Package huma keeps these settings for the whole process; nothing else in it
// uses huma.
func init() {
	huma.DefaultArrayNullable = false
	huma.NewError = badRequest
}

// Handler returns the API.
func (s *Server) Handler() http.Handler {
	mux, _ := s.api()
	return guard(mux)
}

// OpenAPI returns the document of the API, as JSON with a final newline.
func OpenAPI() ([]byte, error) {
	_, api := new(Server).api()
	b, err := api.OpenAPI().MarshalJSON()
	if err != nil {
		return nil, err
	}
	return indent(b)
}

func (s *Server) api() (*http.ServeMux, huma.API) {
	mux := http.NewServeMux()
	cfg := huma.DefaultConfig("Rahat Backup control API", strconv.Itoa(version.API))
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "/api/openapi", "", ""
	cfg.CreateHooks = nil // else every answer gets a field $schema
	api := humago.New(mux, cfg)
	s.routes(api)
	describeResult(api.OpenAPI().Components.Schemas)
	return mux, api
}

// describeResult says in the document what a run's result may be, which its Go
// type does not.
func describeResult(schemas huma.Registry) {
	result := &huma.Schema{Description: "by kind of run"}
	for _, t := range []reflect.Type{
		reflect.TypeFor[control.BackupResult](), reflect.TypeFor[control.VerifyResult](), reflect.TypeFor[control.RestoreResult](),
		reflect.TypeFor[control.ExportResult](), reflect.TypeFor[control.RebuildResult](), reflect.TypeFor[control.CopyResult](),
		reflect.TypeFor[control.PruneResult](),
		reflect.TypeFor[control.RereadResult](),
	} {
		result.AnyOf = append(result.AnyOf, schemas.Schema(t, true, ""))
	}
	schemas.Map()["Run"].Properties["result"] = result
}

// guard names our version in every answer and refuses clients that speak
// another one, before anything is done for them.
func guard(next http.Handler) http.Handler {
	ours := strconv.Itoa(version.API)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(control.HeaderAPI, ours)
		w.Header().Set(control.HeaderVersion, version.Version)
		theirs := r.Header.Get(control.HeaderAPI)
		if theirs == "" || theirs == ours || r.URL.Path == "/api/hello" || r.URL.Path == "/api/stop" {
			next.ServeHTTP(w, r)
			return
		}
		params := control.MismatchParams(ours, version.Version, theirs, r.Header.Get(control.HeaderVersion))
		writeProblem(w, ErrVersion.Because(nil, params...))
	})
}

// The shapes of requests.
type (
	body[T any] struct{ Body T }
	named       struct {
		Name string `path:"name" maxLength:"63"`
	}
	identified struct {
		ID string `path:"id" maxLength:"36" doc:"an ID, a unique beginning of one, or latest"`
	}
	identifiedBody[T any] struct {
		// huma passes over embedded fields that are not exported
		ID   string `path:"id" maxLength:"36" doc:"an ID, a unique beginning of one, or latest"`
		Body T
	}
	// nothing is the answer without a body.
	nothing struct{}
)

// reply is the shape of answers.
type reply[T any] struct{ Body T }

// handle registers an operation whose errors become problems.
func handle[I, O any](s *Server, api huma.API, method, path, id, summary string, status int, f func(context.Context, *I) (O, error)) {
	op := huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status}
	if reflect.TypeFor[O]() == reflect.TypeFor[nothing]() {
		huma.Register(api, op, func(ctx context.Context, in *I) (*struct{}, error) {
			_, err := f(ctx, in)
			return nil, s.failure(ctx, id, err)
		})
		return
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*reply[O], error) {
		out, err := f(ctx, in)
		if err != nil {
			return nil, s.failure(ctx, id, err)
		}
		return &reply[O]{out}, nil
	})
}

type eventsQuery struct {
	After uint64 `query:"after" doc:"number of the last event seen"`
	Epoch string `query:"epoch" doc:"epoch of that number"`
}

// events registers the event stream.
func (s *Server) events(api huma.API) {
	op := huma.Operation{OperationID: "events", Method: http.MethodGet, Path: "/api/events", Summary: "What happens, in order and without gaps"}
	sse.Register(api, op, map[string]any{"message": control.Event{}}, func(ctx context.Context, in *eventsQuery, send sse.Sender) {
		for e := range s.Broker.Events(ctx, in.After, in.Epoch) {
			// A send that fails means that the client is gone.
			if send(sse.Message{ID: int(e.Seq), Data: e}) != nil {
				return
			}
		}
	})
}

// answer is a problem as an answer of HTTP.
type answer struct{ control.Problem }

// Error implements error.
func (a *answer) Error() string { return a.Err().Error() }

// GetStatus implements huma.StatusError.
func (a *answer) GetStatus() int { return a.Status }

// ContentType implements huma.ContentTypeFilter, after RFC 9457.
func (a *answer) ContentType(string) string { return "application/problem+json" }

// Schema implements huma.SchemaProvider: in the document it is the Problem.
func (a *answer) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[control.Problem](), true, "Problem")
}

// failure turns an error of ours into an answer, and logs what is our fault and
// not the client's; nil stays nil.
func (s *Server) failure(ctx context.Context, operation string, err error) error {
	if err == nil {
		return nil
	}
	p := *control.FromError(err)
	p.Status = statusOf(problem.Code(p.Code))
	if p.Status == http.StatusInternalServerError && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "request failed", "operation", operation, "err", err)
	}
	return &answer{p}
}

// badRequest is called by huma for requests that it refuses itself. The values
// it complains of are left out: one of them may be a password.
func badRequest(status int, msg string, errs ...error) huma.StatusError {
	fields, details := []string{}, []string{msg}
	for _, err := range errs {
		if err == nil {
			continue
		}
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			fields = append(fields, strings.TrimPrefix(d.Location, "body."))
			details = append(details, d.Location+": "+d.Message)
		}
	}
	code := string(ErrInvalid.Code)
	switch {
	case status >= 500:
		code = string(problem.Internal)
	case len(fields) == 1 && fields[0] == "name":
		code = string(ErrBadName.Code)
	}
	return &answer{control.Problem{
		Code: code, Status: status, Detail: strings.Join(details, "; "),
		Params: map[string]string{"fields": strings.Join(fields, ", ")},
	}}
}

// invalid refuses a field that the schema alone cannot judge.
func invalid(field, why string) error {
	return ErrInvalid.Because(errors.New(field+": "+why), "fields", field)
}
