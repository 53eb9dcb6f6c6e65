// An application with all kinds of histograms, made with Prometheus' own library. It begins without any of them: /fill
// adds them all, and /observe?name=NAME&value=V&value=V observes values in a native histogram.
package main

import (
	"flag"
	"log"
	"math"
	"math/rand"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

var registry = prometheus.NewRegistry()

func nativeOpts(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name:                           name,
		Help:                           help,
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 160,
		NativeHistogramMaxExemplars:    5,
	}
}

func trace(id int) prometheus.Labels {
	return prometheus.Labels{"trace_id": strconv.Itoa(id)}
}

func observe(histogram prometheus.Observer, spread float64, count int) {
	random := rand.New(rand.NewSource(1))
	for i := 0; i < count; i++ {
		value := math.Exp(random.NormFloat64()) * spread
		if i%10 == 0 {
			histogram.(prometheus.ExemplarObserver).ObserveWithExemplar(value, trace(i))
		} else {
			histogram.Observe(value)
		}
	}
}

func fill() {
	native := prometheus.NewHistogramVec(nativeOpts("app_native_seconds", "Native only."), []string{"route"})
	dualOpts := nativeOpts("app_dual_seconds", "Classic and native.")
	dualOpts.Buckets = prometheus.DefBuckets
	dual := prometheus.NewHistogramVec(dualOpts, []string{"route"})
	classic := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "app_classic_seconds", Help: "Classic only."})
	empty := prometheus.NewHistogram(nativeOpts("app_empty_seconds", "Without an observation."))
	around := prometheus.NewHistogram(nativeOpts("app_balance_euros", "With negative values and zeros."))
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "app_requests_total", Help: "Requests."}, []string{"route"})
	summary := prometheus.NewSummary(prometheus.SummaryOpts{
		Name: "app_summary_seconds", Help: "A summary.", Objectives: map[float64]float64{0.5: 0.01, 0.99: 0.001},
	})
	registry.MustRegister(native, dual, classic, empty, around, requests, summary)
	for at, route := range []string{"/", "/cart", "/a \"quoted\" one"} {
		observe(native.WithLabelValues(route), float64(at+1), 1000)
		observe(dual.WithLabelValues(route), float64(at+1)/10, 1000)
		requests.WithLabelValues(route).(prometheus.ExemplarAdder).AddWithExemplar(1000, trace(at))
	}
	observe(classic, 0.1, 1000)
	for i := -50; i <= 50; i++ {
		around.Observe(float64(i * i * i))
		summary.Observe(float64(i + 50))
	}
}

// extra adds what the library itself doesn't make: histograms of floats and gauge histograms, which it refuses to write as
// text.
func extra() ([]*dto.MetricFamily, error) {
	families, err := registry.Gather()
	if !filled {
		return families, err
	}
	span := func(offset int32, length uint32) *dto.BucketSpan {
		return &dto.BucketSpan{Offset: proto.Int32(offset), Length: proto.Uint32(length)}
	}
	float := &dto.Histogram{
		SampleCountFloat: proto.Float64(14.75), SampleSum: proto.Float64(-3.5), Schema: proto.Int32(2),
		ZeroThreshold: proto.Float64(0.001), ZeroCountFloat: proto.Float64(2.25),
		PositiveSpan: []*dto.BucketSpan{span(-3, 2), span(4, 1)}, PositiveCount: []float64{1.5, 2.5, 4},
		NegativeSpan: []*dto.BucketSpan{span(1, 1)}, NegativeCount: []float64{4.5},
	}
	gauge := &dto.Histogram{
		SampleCount: proto.Uint64(6), SampleSum: proto.Float64(7.5), Schema: proto.Int32(-1),
		ZeroThreshold: proto.Float64(1e-9), ZeroCount: proto.Uint64(1),
		PositiveSpan: []*dto.BucketSpan{span(0, 2)}, PositiveDelta: []int64{2, 1},
	}
	family := func(name string, kind dto.MetricType, histogram *dto.Histogram) *dto.MetricFamily {
		return &dto.MetricFamily{
			Name: proto.String(name), Help: proto.String("Made by hand."), Type: kind.Enum(),
			Metric: []*dto.Metric{{Histogram: histogram}},
		}
	}
	return append(families,
		family("app_float", dto.MetricType_HISTOGRAM, float),
		family("app_gauge_float", dto.MetricType_GAUGE_HISTOGRAM, float),
		family("app_gauge_integer", dto.MetricType_GAUGE_HISTOGRAM, gauge),
	), err
}

var (
	mutex      sync.Mutex
	filled     bool
	histograms = map[string]prometheus.Histogram{}
)

func main() {
	listen := flag.String("web.listen-address", "127.0.0.1:0", "")
	flag.Parse()
	up := prometheus.NewGauge(prometheus.GaugeOpts{Name: "app_ready", Help: "Always 1."})
	up.Set(1)
	registry.MustRegister(up)
	locked := func(handler http.HandlerFunc) http.HandlerFunc {
		return func(response http.ResponseWriter, request *http.Request) {
			mutex.Lock()
			defer mutex.Unlock()
			handler(response, request)
		}
	}
	text := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	protobuf := promhttp.HandlerFor(prometheus.GathererFunc(extra), promhttp.HandlerOpts{})
	http.HandleFunc("/metrics", locked(func(response http.ResponseWriter, request *http.Request) {
		if strings.HasPrefix(request.Header.Get("Accept"), "application/vnd.google.protobuf") {
			protobuf.ServeHTTP(response, request)
		} else {
			text.ServeHTTP(response, request)
		}
	}))
	http.HandleFunc("/fill", locked(func(http.ResponseWriter, *http.Request) {
		fill()
		filled = true
	}))
	http.HandleFunc("/observe", locked(func(response http.ResponseWriter, request *http.Request) {
		query := request.URL.Query()
		name := query.Get("name")
		histogram := histograms[name]
		if histogram == nil {
			histogram = prometheus.NewHistogram(nativeOpts(name, "Observed by request."))
			histograms[name] = histogram
			registry.MustRegister(histogram)
		}
		for _, text := range query["value"] {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				http.Error(response, err.Error(), http.StatusBadRequest)
				return
			}
			histogram.Observe(value)
		}
	}))
	log.Fatal(http.ListenAndServe(*listen, nil))
}
